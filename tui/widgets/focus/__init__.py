"""The memory as it is seen: the map of entries, the entry that is selected, the strip, the gauge."""

from .details import EntryDetails
from .map import FocusMap
from .pane import FocusPane
from .strip import FocusStrip

__all__ = ["EntryDetails", "FocusMap", "FocusPane", "FocusStrip"]
