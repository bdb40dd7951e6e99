"""How the database itself is: connections, statements, indexes, size."""
