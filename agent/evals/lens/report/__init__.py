"""The report on a focus: its page, its plots, and what is wanted of it."""
