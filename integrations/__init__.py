"""What Vigie calls, or knows of, outside: model prices."""
