"""From pinned packages to Arrow shards of Python files. Knows licences and text, no tokens."""
