"""The subcommands: each parses its arguments, asks the engine or the memory, and prints."""
