"""Settings and errors that every other package may use. Knows no model, no repository, no screen."""
