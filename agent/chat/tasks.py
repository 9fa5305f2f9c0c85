"""What a person asks for with a click on code: the words that the model gets for it. Knows no editor."""

from dataclasses import dataclass

EXPLAIN = (
    "Explain {place}: what it does, how, and what in this repository uses it. Be brief.\n\n{code}"
)
EDIT = "Change {place} as follows, and nothing else:\n\n{wish}\n\nThis is how it is now:\n\n{code}"
FIX = (
    "A checker says of {place}:\n\n{wish}\n\nMend what causes that, and nothing else. "
    "This is how it is now:\n\n{code}"
)
TESTS = (
    "Write tests for {place}, where the tests of this repository are and in their style; make a new file if none "
    "fits. Change nothing else.\n\n{code}"
)
DRAFT = (
    "\n\nYour edits are proposals that the user looks at before they are made. Nothing can be run. "
    "Make the edits with your tools; say in one sentence what you changed."
)
LONGEST_CODE = 20_000


@dataclass(frozen=True)
class Selected:
    """Code that a person points at."""

    path: str
    first_line: int
    """From 1."""
    last_line: int
    name: str
    """The definition it is, or is in; "" outside of all."""
    code: str

    @property
    def place(self) -> str:
        """The same in words."""
        lines = f"{self.path}:{self.first_line}-{self.last_line}"
        return f"{self.name} ({lines})" if self.name else lines


def explain_question(selected: Selected) -> str:
    """Ask for an explanation."""
    return EXPLAIN.format(place=selected.place, code=_fenced(selected.code))


def edit_task(selected: Selected, wish: str) -> str:
    """Ask for an edit."""
    return EDIT.format(place=selected.place, wish=wish, code=_fenced(selected.code)) + DRAFT


def fix_task(selected: Selected, message: str) -> str:
    """Ask to mend what a checker complains about."""
    return FIX.format(place=selected.place, wish=message, code=_fenced(selected.code)) + DRAFT


def tests_task(selected: Selected) -> str:
    """Ask for tests."""
    return TESTS.format(place=selected.place, code=_fenced(selected.code)) + DRAFT


def _fenced(code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    shown = code if len(code) <= LONGEST_CODE else f"{code[:LONGEST_CODE]}\n…"
    return f"{fence}\n{shown}\n{fence}"
