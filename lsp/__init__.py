"""The language server: thin handlers over the engine, for editors."""
