"""Keeping memory fresh while files change."""

from .watcher import Batch, Watcher

__all__ = ["Batch", "Watcher"]
