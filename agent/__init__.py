"""The engine over one repository and one model, and the command line that drives it."""
