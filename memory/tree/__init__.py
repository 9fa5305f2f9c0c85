"""The MegaContext tree on disk: rows of every level, their keys, and how they hang together."""
