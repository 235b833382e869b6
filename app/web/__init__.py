"""What is served over HTTP: the application and its routes."""
