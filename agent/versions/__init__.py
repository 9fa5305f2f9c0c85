"""Versions of a repository's memory: its files as memory has them, conversations, and mounted packs."""
