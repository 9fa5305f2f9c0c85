"""The conversation as it is read: items, and the widget that shows those in sight."""

from .items import Item
from .view import Transcript

__all__ = ["Item", "Transcript"]
