"""The working context: which cut through the tree of levels of detail fits a budget and serves a query."""

from .allocator import FocusSettings
from .codec import Codec, Rendering, Shown, WorkingEntry
from .cut import Cut
from .focus import Changes, Focused, all_entries, focus, spoken
from .node import GIST_LEVELS, ROOT, TEXT_LEVELS, Node
from .query import FocusQuery, Position, Span, outside
from .scorer import FeatureScorer, Scorer, Weights
from .text_codec import ChunkTokens, TextCodec
from .tree_view import TreeView

__all__ = [
    "GIST_LEVELS",
    "ROOT",
    "TEXT_LEVELS",
    "Changes",
    "ChunkTokens",
    "Codec",
    "Cut",
    "FeatureScorer",
    "FocusQuery",
    "FocusSettings",
    "Focused",
    "Node",
    "Position",
    "Rendering",
    "Scorer",
    "Shown",
    "Span",
    "TextCodec",
    "TreeView",
    "Weights",
    "WorkingEntry",
    "all_entries",
    "focus",
    "outside",
    "spoken",
]
