"""What the agent does, as items of the transcript: focusing, and calling tools."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ...drawing.code import diff_lines
from ...drawing.look import Look, Piece
from .items import Item

State = Literal["running", "ok", "bad", "refused"]
DIFF_LINES = 14
"""Lines of a difference that are shown before it is opened."""
DETAIL_LINES = 200
"""Lines of a tool's output that are shown when it is opened."""
DETAIL_CHARS = 20_000
"""Characters of it: all of it may be one line."""


@dataclass(eq=False)
class Focused(Item):
    """The working context became another one."""

    opens: ClassVar[bool] = True
    entries: tuple[tuple[str, int, float, tuple[str, ...]], ...]
    """Place, level, score and reasons of what is rendered, best first."""
    expanded: int
    collapsed: int
    total: int
    budget: int
    ms: float

    @property
    def plain(self) -> str:
        """One place a line."""
        return "\n".join(f"L{level} {score:+.2f} {at}" for at, level, score, _ in self.entries)

    def guess_height(self, width: int) -> int:
        """One line, or one an entry."""
        return 1 + len(self.entries) * self.opened

    def draw(self, width: int, look: Look) -> list[Strip]:
        """One line; opened, the entries with their scores."""
        sign = look.glyphs.open if self.opened else look.glyphs.closed
        change = f"+{self.expanded} -{self.collapsed}"
        head: list[Piece] = [(f"{sign} focus ", "tool"), (f"{change}  ", "dim")]
        tail = f"  {self.total:,}/{self.budget:,}  {self.ms:.0f} ms"
        room = width - sum(len(text) for text, _ in head) - len(tail)
        lines = [look.line([*head, *self._best(look, room), (tail, "dim")], width)]
        if self.opened:
            lines += [self._entry(entry, width, look) for entry in self.entries]
        return lines

    def _best(self, look: Look, room: int) -> list[Piece]:
        pieces: list[Piece] = []
        for name, level in self._files().items():
            text = f"{name} "
            room -= len(text) + 2
            if room < 0:
                break
            pieces += [(text, "dim"), (f"{look.glyphs.level(level)} ", f"level-{min(level, 3)}")]
        return pieces

    def _files(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for at, level, _, _ in self.entries:
            name = visible(PurePosixPath(at.rpartition(":")[0] or at).name)
            found[name] = min(level, found.get(name, level))
        return found

    def _entry(
        self, entry: tuple[str, int, float, tuple[str, ...]], width: int, look: Look
    ) -> Strip:
        at, level, score, reasons = entry
        role = f"level-{min(level, 3)}"
        pieces: list[Piece] = [
            (f"  {look.glyphs.level(level)} L{level} ", role),
            (f"{score:+6.2f}  ", "dim"),
            (visible(at), "path"),
            (f"  {visible('; '.join(reasons))}", "dim"),
        ]
        return look.line(pieces, width)


@dataclass(eq=False)
class ToolCall(Item):
    """A tool at work, and what came of it."""

    opens: ClassVar[bool] = True
    call_id: str
    name: str
    subject: str
    arguments: str = ""
    state: State = "running"
    summary: str = ""
    output: str = ""
    diffs: list[str] = field(default_factory=list)
    notes: list[Piece] = field(default_factory=list)
    """Checks and permissions, with their roles."""
    ms: float = 0.0

    @property
    def plain(self) -> str:
        """What it was called with and what it said."""
        return "\n".join(filter(None, [f"{self.name} {self.subject}", *self.diffs, self.output]))

    @property
    def place(self) -> tuple[str, int] | None:
        """The file that it is about, where it is one."""
        path, _, line = self.subject.partition(":")
        return (path, int(line) if line.isdecimal() else 1) if "/" in path or "." in path else None

    def guess_height(self, width: int) -> int:
        """One line; opened, what it said."""
        diff = sum(each.count("\n") for each in self.diffs)
        notes = 1 + len(self.notes) + (diff if self.opened else min(diff, DIFF_LINES + 1))
        return notes + min(self.output.count("\n"), DETAIL_LINES) * self.opened

    def draw(self, width: int, look: Look) -> list[Strip]:
        """One line and the differences it made; opened, what it was given and what it said."""
        lines = [self._head(width, look)]
        lines += [look.line([(f"    {visible(text)}", role)], width) for text, role in self.notes]
        for diff in self.diffs:
            lines += self._diff(diff, width, look)
        if self.opened:
            lines += self._details(width, look)
        return lines

    def _head(self, width: int, look: Look) -> Strip:
        glyphs = look.glyphs
        sign, role = {
            "running": (glyphs.running, "tool"),
            "ok": (glyphs.ok, "ok"),
            "bad": (glyphs.bad, "bad"),
            "refused": (glyphs.bad, "warn"),
        }[self.state]
        said = self.summary or ("running" if self.state == "running" else "")
        pieces: list[Piece] = [
            (f"{glyphs.open if self.opened else glyphs.closed} ", "tool"),
            (f"{sign} ", role),
            (f"{visible(self.name)} ", "tool"),
            (visible(self.subject).replace("\n", " "), "path"),
            (f"  {visible(said)}".replace("\n", " "), role if self.state != "ok" else "dim"),
        ]
        if self.ms >= 1000:
            pieces.append((f"  {self.ms / 1000:.1f} s", "dim"))
        return look.line(pieces, width)

    def _diff(self, diff: str, width: int, look: Look) -> list[Strip]:
        lines = diff_lines(diff, width, look)
        more = len(lines) - DIFF_LINES
        if self.opened or more <= 1:
            return lines
        hint = f"    {look.glyphs.ellipsis} {more:,} more lines"
        return [*lines[:DIFF_LINES], look.line([(hint, "dim")], width)]

    def _details(self, width: int, look: Look) -> list[Strip]:
        lines = look.wrapped([(f"    {visible(self.arguments)}", "dim")], width, indent=4)
        output = self.output.rstrip()
        shown = output[:DETAIL_CHARS].split("\n")[:DETAIL_LINES]
        for line in shown:
            lines += look.wrapped([(f"    {visible(line)}", "plain")], width, indent=4)
        if more := len(output) - sum(len(line) + 1 for line in shown) + 1:
            hint = f"    {look.glyphs.ellipsis} {more:,} more characters"
            lines.append(look.line([(hint, "dim")], width))
        return lines if self.arguments or self.output else []
