"""Saved conversations: on disk, resumed, forked, exported, and as a source that focus chooses from."""
