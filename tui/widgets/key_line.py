"""The line at the bottom: the keys that do something here and now."""

from textual.screen import Screen
from textual.strip import Strip

from ..drawing.drawn import Drawn
from ..drawing.look import Piece

HELP = ("F1", "help")


class KeyLine(Drawn):
    """Keys of what has the focus first; those that find no room are in the help, where there is one."""

    def __init__(self, *, helps: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._helps = helps

    def on_mount(self) -> None:
        """Draw again whenever other keys hold."""
        self.screen.bindings_updated_signal.subscribe(self, self._again)

    def _again(self, _: Screen[object]) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        line = self.look.line(self._pieces(width), width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[Piece]:
        pieces: list[Piece] = []
        room = width - (sum(map(len, HELP)) + 3) * self._helps
        for key, words in self._keys():
            room -= len(key) + len(words) + 3
            if room < 0:
                break
            pieces += [(f" {key}", "strong"), (f" {words} ", "dim")]
        if self._helps:
            pieces += [(f" {HELP[0]}", "strong"), (f" {HELP[1]}", "dim")]
        return pieces

    def _keys(self) -> list[tuple[str, str]]:
        shown: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled:
                shown.setdefault(binding.description, self.app.get_key_display(binding))
        return [(key, words) for words, key in shown.items()]
