"""Files: where their bytes are, how they come, and how they go. Source: File, FileStore and FileUpload of debusine."""
