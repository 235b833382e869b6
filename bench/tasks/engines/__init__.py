"""What is measured, one each. Those of the peers need the peers' environment."""
