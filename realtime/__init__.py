"""Facts on their way: the hub that fans them out, their replay from a cursor, streams for subscribers."""
