"""What is asked of focus: a question, a place, a budget, and what to keep or leave out."""

from dataclasses import dataclass

from megacontext.configs.errors import FocusError

MAX_BUDGET = 1 << 30


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file of the source."""

    path: str
    line: int
    """1-based."""
    column: int = 1
    """1-based."""


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of one file, both ends included, 1-based; the whole file by default."""

    path: str
    start_line: int = 1
    end_line: int = MAX_BUDGET

    def overlaps(self, path: str, start_line: int, end_line: int) -> bool:
        """Whether any of these lines lies in the span."""
        return path == self.path and start_line <= self.end_line and end_line >= self.start_line


def outside(at: Position) -> Position:
    """A place as another source sees it: at a path that no source holds."""
    return Position(f"../{at.path}", at.line, at.column)


@dataclass(frozen=True, slots=True)
class FocusQuery:
    """One request for a working context.

    Raises FocusError at construction when the budget is negative or beyond reason.
    """

    text: str = ""
    """The question or task, in words; "" when only the place matters."""
    at: Position | None = None
    """The cursor. Its file need not be indexed yet."""
    window: str = ""
    """Text around the cursor, of any length; the chunk under the cursor is taken when it is ""."""
    typed: str = ""
    """What stands before the cursor on its line."""
    budget: int = 2048
    """Positions that the working context may take."""
    pins: tuple[Span, ...] = ()
    """Kept verbatim before all else, in this order, as far as they fit; unknown paths are ignored."""
    exclude: tuple[Span, ...] = ()
    """Already in the prompt: no chunk that touches these lines is rendered."""
    recent: tuple[str, ...] = ()
    """Paths lately edited or read, the latest first."""
    accesses: tuple[tuple[str, int], ...] = ()
    """How often this session touched a path."""
    names: tuple[str, ...] = ()
    """What the cursor's file holds or imports, where that file lies in another source."""
    strongest: float = 0.0
    """Full-text score of the best hit in another source: hits in this one are measured against it."""

    def __post_init__(self) -> None:
        if not 0 <= self.budget <= MAX_BUDGET:
            raise FocusError(
                f"budget is {self.budget}; it is a number of positions from 0 to {MAX_BUDGET}"
            )
