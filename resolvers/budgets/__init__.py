"""What may be spent in a window of the calendar, and how much of it is."""
