"""Edits: exact changes of files, spliced, written safely, and undone."""
