"""How long the past is kept, and its end: floors first, then rows a little at a time, and whole months at once."""
