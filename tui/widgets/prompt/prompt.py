"""The prompt: several lines of text that are sent with Enter, with history, completion, and a shell behind `!`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static, TextArea

from megacontext.agent.edits.change import visible

from ... import keys
from ...desk.history import History
from ...glyphs import UNICODE, Glyphs
from .asking import Ask, ask_at
from .suggestions import Suggestion, Suggestions

MOST_LINES = 8


class PromptText(TextArea):
    """The text itself."""

    BINDINGS: ClassVar[list[BindingType]] = keys.PROMPT

    async def _on_key(self, event: events.Key) -> None:
        # A text area would take Enter as a line break before any binding sees it.
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            await self.run_action("send")
        elif event.key == "escape" and self._prompt.is_completing:
            event.prevent_default()
            event.stop()
            self._prompt.suggest(())
        else:
            await super()._on_key(event)

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn: what was pasted or mentioned must not steer the terminal."""
        line = super().get_line(line_index)
        line.plain = visible(line.plain)
        return line

    @property
    def _prompt(self) -> "Prompt":
        prompt = self.parent.parent if self.parent else None
        assert isinstance(prompt, Prompt)
        return prompt

    def action_send(self) -> None:
        """Send it, or take what is suggested."""
        self._prompt.send()

    def action_newline(self) -> None:
        """Begin another line."""
        self.insert("\n")

    def action_up(self) -> None:
        """The suggestion above, the line above, or what was typed before."""
        if self._prompt.is_completing:
            self._prompt.suggestions.move(-1)
        elif self.cursor_at_first_line:
            self._prompt.recall(older=True)
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        """The suggestion below, the line below, or what was typed after."""
        if self._prompt.is_completing:
            self._prompt.suggestions.move(1)
        elif self.cursor_at_last_line:
            self._prompt.recall(older=False)
        else:
            self.action_cursor_down()

    def action_next(self) -> None:
        """Take what is suggested, or go to the next part of the screen."""
        if not self._prompt.take():
            self.post_message(Prompt.Left())

    def action_end(self) -> None:
        """Delete to the right; with nothing there, leave the program."""
        if self.text:
            self.action_delete_right()
        else:
            self.app.exit()

    def action_history(self) -> None:
        """Look for something that was typed before."""
        self.post_message(Prompt.HistoryAsked())

    def action_editor(self) -> None:
        """Write in an editor of one's own."""
        self.post_message(Prompt.EditorAsked(self.text))


class Prompt(Vertical):
    """The text, a mark before it, and suggestions above it."""

    @dataclass
    class Sent(Message):
        """The person has sent something."""

        text: str

    @dataclass
    class Asked(Message):
        """Something could be completed; answer with `suggest`. None: nothing any more."""

        ask: Ask | None

    @dataclass
    class EditorAsked(Message):
        """The person wants to go on in an editor."""

        text: str

    class HistoryAsked(Message):
        """The person wants to choose from what was typed before."""

    class Left(Message):
        """The person goes on to the next part of the screen."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.history = History()
        self._suggested: Ask | None = None
        """What the suggestions are for."""
        self._recalled: str | None = None

    def compose(self) -> ComposeResult:
        """The parts."""
        glyphs: Glyphs = getattr(self.app, "glyphs", UNICODE)
        yield Suggestions(id="suggestions")
        with Horizontal():
            yield Static(f"{glyphs.prompt} ", id="prompt-mark")
            yield PromptText(
                id="prompt-text", compact=True, highlight_cursor_line=False, tab_behavior="focus"
            )

    def on_mount(self) -> None:
        """Nothing is suggested yet, and nothing blinks: each time would cross the wire of an ssh session."""
        self.text_area.cursor_blink = False
        self.suggest(())

    @property
    def text_area(self) -> PromptText:
        """The text."""
        return self.query_one(PromptText)

    @property
    def suggestions(self) -> Suggestions:
        """What could be meant."""
        return self.query_one(Suggestions)

    @property
    def is_completing(self) -> bool:
        """Whether something is suggested."""
        return bool(self.suggestions.items)

    @property
    def text(self) -> str:
        """What stands there."""
        return self.text_area.text

    def load(self, text: str) -> None:
        """Put a text there, with the cursor behind it."""
        area = self.text_area
        area.load_text(text)
        area.move_cursor(area.document.end)

    def insert(self, text: str) -> None:
        """Write at the cursor."""
        self.text_area.insert(text)

    # Completing

    def on_text_area_changed(self) -> None:
        """Grow with the text, and see what could be completed."""
        area = self.text_area
        lines = area.wrapped_document.height
        area.styles.height = min(MOST_LINES, max(1, lines))
        self.set_class(area.text.startswith("!"), "-shell")
        if area.text == self._recalled:
            return  # one is going through the history
        self._recalled = None
        self.post_message(self.Asked(self._ask))

    @property
    def _ask(self) -> Ask | None:
        """What could be completed now."""
        area = self.text_area
        return ask_at(area.get_text_range((0, 0), area.cursor_location))

    @property
    def _choice(self) -> Suggestion | None:
        """What is chosen. Nothing when one has typed on since it was suggested: that would be a surprise."""
        return self.suggestions.choice if self._suggested == self._ask else None

    def suggest(self, items: Sequence[Suggestion], ask: Ask | None = None) -> None:
        """Show what could be meant by `ask`; too late is ignored."""
        if items and ask != self._ask:
            return
        self._suggested = ask
        self.suggestions.show(items)

    def take(self) -> bool:
        """Put the chosen suggestion into the text; whether there was one."""
        choice, ask, area = self._choice, self._ask, self.text_area
        if choice is None or ask is None:
            return False
        end = area.cursor_location
        before = area.text[: ask.start]
        start = before.count("\n"), len(before.rpartition("\n")[2])
        area.replace(choice.text, start, end)
        self.suggest(())
        return True

    # Sending

    def send(self) -> None:
        """Send the text, or take what is suggested if that is not all of it."""
        choice = self._choice
        if choice and not choice.sends:
            self.take()
            return
        text = choice.text if choice else self.text
        self.suggest(())
        if not text.strip():
            return
        self.history.add(text)
        self.load("")
        self.post_message(self.Sent(text))

    def recall(self, *, older: bool) -> None:
        """Go through what was typed before."""
        text = self.history.older(self.text) if older else self.history.newer()
        if text is not None:
            self._recalled = text
            self.load(text)
            self.suggest(())
