"""From data to lines of a terminal: text in, strips out. Knows no app."""
