"""One file a version of the schema, the oldest first."""
