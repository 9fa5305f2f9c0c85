"""Asking the person: what would happen, and the answers."""

from .diff_view import DiffView
from .panel import ApprovalPanel

__all__ = ["ApprovalPanel", "DiffView"]
