"""The room that the database takes and has left."""
