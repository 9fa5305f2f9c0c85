"""Where the person writes: the text, its history, and what could complete it."""

from .prompt import Prompt
from .suggestions import Suggestion, Suggestions

__all__ = ["Prompt", "Suggestion", "Suggestions"]
