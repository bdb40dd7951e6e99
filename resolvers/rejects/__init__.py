"""What ingest refuses, made visible: noted beside the path, stored in small numbers, listed."""
