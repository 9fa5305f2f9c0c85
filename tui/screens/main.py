"""The main screen: where everything stands, and what keys and messages of its parts set going."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from megacontext.agent.cursor import parse_place
from megacontext.agent.edits.change import Change
from megacontext.agent.paths import repository_path
from megacontext.agent.permissions.permissions import Mode
from megacontext.configs.errors import MegaContextError

from .. import keys, locations
from ..commands import COMMANDS, Command, named
from ..commands.session import MODES
from ..desk import editor
from ..desk.bridge import Bridge
from ..desk.collecting import Collecting
from ..desk.desk import Desk
from ..desk.history import History
from ..desk.news import Freshened, News, Over, Ready
from ..desk.picture import Mark
from ..drawing.code import code_lines, language_of
from ..widgets.approval import ApprovalPanel
from ..widgets.focus import EntryDetails, FocusMap, FocusPane, FocusStrip
from ..widgets.focus.details import level_name
from ..widgets.key_line import KeyLine
from ..widgets.prompt import Prompt
from ..widgets.status_line import Status, StatusLine
from ..widgets.transcript import Transcript
from ..widgets.transcript.items import Code
from ..widgets.turn_line import TurnLine
from .completer import suggest
from .picker import Choice
from .reader import Parts, Reader
from .room import RoomScreen
from .text import TextScreen

WIDE = 110
"""Columns from which the focus view stands beside the chat."""


class MainScreen(RoomScreen):
    """Chat and focus view over one desk."""

    BINDINGS: ClassVar[list[BindingType]] = keys.MAIN
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  as in the class above

    def __init__(self, make_desk: Callable[[Callable[[News], None]], Desk]) -> None:
        """`make_desk` gets the way on which news come here."""
        super().__init__()
        self._bridge: Bridge[News] = Bridge(self._deliver)
        self.desk = make_desk(self._bridge.push)
        self._waiting: deque[str] = deque()
        self._collecting: Collecting | None = None

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        yield StatusLine(id="status")
        with Horizontal(id="body"):
            yield Transcript(id="transcript")
            yield FocusPane(id="focus")
        yield FocusStrip(id="strip")
        yield TurnLine(id="turn")
        yield ApprovalPanel(id="approval")
        yield Prompt(id="prompt")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Begin to work."""
        places, settings = self.desk.workplace.places, self.desk.workplace.settings
        self._collecting = None if self.app.is_headless else Collecting()
        self.reader = Reader(self._parts(), places.root.name, settings.focus.budget)
        self.query_one(ApprovalPanel).display = False
        status = self.query_one(StatusLine)
        status.status = Status(repository=places.root.name)
        prompt = self.query_one(Prompt)
        prompt.history = History(locations.prompt_history(places))
        prompt.text_area.focus()
        if self.home.wanted.prompt:
            self._waiting.append(self.home.wanted.prompt)
        self._bridge.open()
        self.desk.open(self.home.wanted)

    def _parts(self) -> Parts:
        return Parts(
            self.query_one(Transcript),
            self.query_one(StatusLine),
            self.query_one(TurnLine),
            self.query_one(FocusPane),
            self.query_one(FocusStrip),
            self.query_one(ApprovalPanel),
        )

    def on_unmount(self) -> None:
        """Stop everything."""
        self._bridge.close()
        self.desk.close()

    # News

    def _deliver(self, batch: Sequence[News]) -> None:
        if not self.is_running:
            return
        for news in batch:
            if isinstance(news, Freshened):
                self.desk.freshened(news.paths)
            elif isinstance(news, Over):
                self.desk.over()
            elif isinstance(news, Ready):
                self.reader.set_mode(self.desk.mode)
            if self._collecting is not None:
                self._collecting.heard(news)
        self.reader.read(batch)
        self._go_on()

    def _go_on(self) -> None:
        """Send what waited until the session was ready and nothing else went on."""
        if not self.reader.is_ready or self.desk.is_working:
            return
        if self._waiting:
            self._send(self._waiting.popleft())

    # What the person writes

    @on(Prompt.Sent)
    def _sent(self, event: Prompt.Sent) -> None:
        text = event.text
        name, _, argument = text[1:].partition(" ")
        if text.startswith("/") and (command := named(name.strip())):
            self._run_command(command, argument.strip())
        elif text.startswith("/") and "/" not in name and "\n" not in name:
            self.note(f"there is no command /{name}; /help lists them", "bad")
        elif self.desk.is_working or not self.reader.is_ready:
            self._waiting.append(text)
            self.note(f"waits until the present work is done: {text}")
        else:
            self._send(text)

    def _send(self, text: str) -> None:
        self.begin(text)
        if text.startswith("!"):
            self.reader.work("running")
            self.desk.run(text[1:].strip())
        else:
            self.desk.send(text)

    def begin(self, said: str) -> None:
        """What the person has asked for stands in the transcript, and the work on it begins."""
        self.transcript.following = True
        self.reader.begin(said)

    def complete_at(self, place: str) -> None:
        """Continue a file at `PATH:LINE:COL`."""
        try:
            typed = parse_place(place)
            root = self.desk.workplace.places.root
            path = repository_path(root, typed.path, root)
        except MegaContextError as exc:
            self.note(str(exc), "bad")
            return
        if self.desk.is_working or not self.reader.is_ready:
            self.note("one thing at a time; Esc stops what goes on", "warn")
            return
        self.begin(f"/complete {place}")
        at = type(typed)(path, typed.line, typed.column)
        title = f"{path}:{at.line}:{at.column}"
        self.reader.narrator.expect(
            Code(title, language=language_of(path), place_of=(path, at.line))
        )
        self.desk.complete(at)

    @on(Prompt.Asked)
    def _asked(self, event: Prompt.Asked) -> None:
        prompt = self.query_one(Prompt)
        if event.ask is None:
            prompt.suggest(())
        else:
            suggest(self, event.ask, prompt.suggest)

    @on(Prompt.EditorAsked)
    def _write(self, event: Prompt.EditorAsked) -> None:
        self.write_in_editor(event.text)

    def write_in_editor(self, text: str = "") -> None:
        """Go on with the prompt in the person's editor."""

        def edit() -> None:
            self.query_one(Prompt).load(editor.edit_text(text).rstrip("\n"))

        self.suspended(edit)

    @on(Prompt.HistoryAsked)
    def _choose_from_history(self) -> None:
        prompt = self.query_one(Prompt)
        texts = dict.fromkeys(reversed(prompt.history.entries))
        if texts:
            choices = [Choice(text, value=text) for text in texts]
            self.pick("what you typed before", choices, prompt.load)

    @on(Prompt.Left)
    def _to_transcript(self) -> None:
        self.transcript.focus()

    # The transcript

    @on(Transcript.Left)
    def _from_transcript(self, event: Transcript.Left) -> None:
        if event.forward and self.has_class("-wide"):
            self.query_one(FocusMap).focus()
        else:
            self.to_prompt()

    @on(Transcript.OpenPlace)
    def _open_place(self, event: Transcript.OpenPlace) -> None:
        self.edit_place(event.path, event.line)

    @on(Transcript.Copied)
    def _copied(self, event: Transcript.Copied) -> None:
        self.app.copy_to_clipboard(event.text)
        self.notify("copied")

    def to_prompt(self) -> None:
        """The person writes again."""
        self.remove_class("-focus")
        self.query_one(Prompt).text_area.focus()

    def clear(self) -> None:
        """Take everything out of the transcript."""
        self.transcript.clear()

    # The focus view

    def show_focus(self) -> None:
        """Go to the focus view."""
        self.add_class("-focus")
        self.query_one(FocusMap).focus()

    @on(FocusMap.Left)
    def _from_focus(self) -> None:
        self.to_prompt()

    @on(FocusMap.Selected)
    def _look_at(self, event: FocusMap.Selected) -> None:
        mark, details = event.mark, self.query_one(EntryDetails)
        if mark is None or not (self.has_class("-wide") or self.has_class("-focus")):
            return

        def show(text: str) -> None:
            def put() -> None:
                if details.mark == mark:
                    details.text = text

            self.from_thread(put)

        self.desk.show(mark, show)

    @on(FocusMap.Wish)
    def _wished(self, event: FocusMap.Wish) -> None:
        if event.action == "show":
            self._read_entry(event.mark)
        elif event.action == "edit":
            if event.mark.start_line:
                self.edit_place(event.mark.path, event.mark.start_line)
        else:
            self.desk.wish(event.action, event.mark)

    def _read_entry(self, mark: Mark) -> None:
        level = "silent" if mark.silent else level_name(mark.level)
        title = f"{mark.where}  L{mark.level} {level}"
        language = language_of(mark.path) if mark.level <= 2 else "text"
        first = mark.start_line if mark.level == 0 else None

        def show(text: str) -> None:
            self.from_thread(lambda: open_it(text))

        def open_it(text: str) -> None:
            screen = TextScreen(
                title,
                text,
                lambda width, look: code_lines(text, language, width, look, 0, first),
                editable=bool(mark.start_line),
            )
            self.app.push_screen(screen, edit)

        def edit(wish: str | None) -> None:
            if wish == "edit":
                self.edit_place(mark.path, mark.start_line)

        self.desk.show(mark, show)

    # Questions

    @on(ApprovalPanel.Answered)
    def _answered(self, event: ApprovalPanel.Answered) -> None:
        self.reader.answered(event.answer)
        if self.reader.question is None:
            self.to_prompt()

    @on(ApprovalPanel.RuleAsked)
    def _choose_rule(self, event: ApprovalPanel.RuleAsked) -> None:
        panel = self.query_one(ApprovalPanel)
        choices = [Choice(str(rule), value=rule) for rule in event.rules]
        self.pick("in this session, always allow", choices, panel.answer_always)

    @on(ApprovalPanel.EditAsked)
    def _edit_change(self, event: ApprovalPanel.EditAsked) -> None:
        change = event.change
        suffix = f".{change.path.rpartition('.')[2]}" if "." in change.path else ""

        def edit() -> None:
            text = (change.after or b"").decode("utf-8", "surrogateescape")
            after = editor.edit_text(text, suffix).encode("utf-8", "surrogateescape")
            self.query_one(ApprovalPanel).edited(Change(change.path, change.before, after))

        self.suspended(edit)

    # Sessions

    def start_session(self, session: str | None, *, fork: bool = False) -> None:
        """Go to another session, to a copy of it, or to a new one."""
        if self.desk.is_working:
            self.note("one thing at a time; Esc stops what goes on", "warn")
            return
        self.transcript.clear()
        self.reader.is_ready = False
        self.desk.switch(session, fork=fork)

    # Keys

    def action_stop(self) -> None:
        """Stop what goes on; where nothing does, go back to the prompt."""
        if self.desk.stop():
            self.notify("stopping")
        else:
            self.to_prompt()

    def action_mode(self) -> None:
        """What the agent may do without asking: the next mode."""
        modes: list[Mode] = list(MODES)
        at = modes.index(self.desk.mode) + 1 if self.desk.mode in modes else 0
        self.set_mode(modes[at % len(modes)])

    def set_mode(self, mode: Mode) -> None:
        """What the agent may do without asking."""
        self.desk.mode = mode
        self.reader.set_mode(self.desk.mode)

    def action_focus_view(self) -> None:
        """Go to the focus view, or back."""
        if self.query_one(FocusMap).has_focus:
            self.to_prompt()
        else:
            self.show_focus()

    def action_transcript(self) -> None:
        """Go to the transcript."""
        self.remove_class("-focus")
        self.transcript.focus()

    def action_toggle_last(self) -> None:
        """Show more of the last thing in the transcript that has more."""
        self.transcript.toggle_last()

    def action_scroll(self, step: int) -> None:
        """Scroll the transcript by a page."""
        page = max(1, self.transcript.size.height - 2)
        self.transcript.scroll_relative(y=step * page, animate=False)

    def action_command_palette(self) -> None:
        """Choose a command."""
        choices = [
            Choice(f"/{' '.join(filter(None, (each.name, each.argument)))}", each.words, each)
            for each in COMMANDS
        ]
        self.pick("commands", choices, self._run_command)

    def _run_command(self, command: Command, argument: str = "") -> None:
        if command.needs_argument and not argument:
            self.query_one(Prompt).load(f"/{command.name} ")
            self.to_prompt()
        else:
            command.run(self, argument)

    def interrupt(self) -> bool:
        """Ctrl-C: stop what goes on, else empty the prompt; whether there was anything to do."""
        prompt = self.query_one(Prompt)
        if self.desk.stop():
            self.notify("stopping")
        elif prompt.text:
            prompt.load("")
        else:
            return False
        return True
