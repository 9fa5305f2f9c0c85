"""Every key of the app, by the part of the screen that it acts on. The footer shows those with `show`.

Nothing needs a mouse, a function key alone, or a key that ssh and tmux do not pass on.
"""

from textual.binding import Binding, BindingType

Bindings = list[BindingType]


def _key(
    key: str, action: str, words: str, *, show: bool = True, priority: bool = False
) -> Binding:
    return Binding(key, action, words, show=show, priority=priority)


APP: Bindings = [
    _key("ctrl+q", "quit", "quit", show=False, priority=True),
    _key("ctrl+c", "interrupt", "stop", show=False, priority=True),
    _key("f1", "help", "help", show=False),
]

MAIN: Bindings = [
    _key("escape", "stop", "stop"),
    _key("shift+tab", "mode", "mode"),
    _key("ctrl+f", "focus_view", "focus view", priority=True),
    _key("ctrl+p", "command_palette", "commands"),
    _key("f2", "focus_view", "focus view", show=False),
    _key("ctrl+o", "toggle_last", "open last", show=False),
    _key("ctrl+t", "transcript", "transcript", show=False),
]

PROMPT: Bindings = [
    _key("enter", "send", "send"),
    _key("ctrl+j", "newline", "new line", show=False),
    _key("alt+enter,shift+enter", "newline", "new line", show=False),
    _key("up", "up", "older", show=False),
    _key("down", "down", "newer", show=False),
    _key("tab", "next", "complete", show=False),
    _key("ctrl+r", "history", "history", show=False),
    _key("ctrl+g", "editor", "editor", show=False),
    _key("ctrl+d", "end", "leave", show=False),
    _key("pageup", "screen.scroll(-1)", "scroll up", show=False),
    _key("pagedown", "screen.scroll(1)", "scroll down", show=False),
]

TRANSCRIPT: Bindings = [
    _key("up,k", "select(-1)", "up", show=False),
    _key("down,j", "select(1)", "down", show=False),
    _key("enter,space", "more", "open"),
    _key("o", "edit", "editor"),
    _key("y", "copy", "copy"),
    _key("pageup", "page_up", "page up", show=False),
    _key("pagedown", "page_down", "page down", show=False),
    _key("home,g", "scroll_home", "first", show=False),
    _key("end,G", "end", "last"),
    _key("tab", "leave(True)", "next", show=False),
    _key("escape,i", "leave(False)", "prompt"),
]

FOCUS_MAP: Bindings = [
    _key("enter", "show", "text"),
    _key("e", "expand", "expand"),
    _key("c", "collapse", "collapse"),
    _key("p", "pin", "pin"),
    _key("r", "release", "release"),
    _key("slash", "find", "find"),
    _key("n", "again(1)", "next", show=False),
    _key("N", "again(-1)", "previous", show=False),
    _key("f", "rendered", "in focus only"),
    _key("o", "edit", "editor", show=False),
    _key("left,h", "entry(-1)", "left", show=False),
    _key("right,l", "entry(1)", "right", show=False),
    _key("up,k", "row(-1)", "up", show=False),
    _key("down,j", "row(1)", "down", show=False),
    _key("pageup", "row(-10)", "page up", show=False),
    _key("pagedown", "row(10)", "page down", show=False),
    _key("home,g", "ends(-1)", "first", show=False),
    _key("end,G", "ends(1)", "last", show=False),
    _key("tab,escape,i", "leave", "chat"),
]

APPROVAL: Bindings = [
    _key("y", "yes", "yes"),
    _key("a", "always", "always"),
    _key("n", "no", "no"),
    _key("space", "toggle_hunk", "leave hunk out"),
    _key("down,j", "hunk(1)", "next hunk", show=False),
    _key("up,k", "hunk(-1)", "previous hunk", show=False),
    _key("e", "edit", "edit"),
    _key("question_mark", "why", "why"),
    _key("pageup", "page(-1)", "page up", show=False),
    _key("pagedown", "page(1)", "page down", show=False),
    _key("escape", "stop", "stop"),
]

PICKER: Bindings = [
    _key("escape", "cancel", "back"),
    _key("up", "move(-1)", "up", show=False),
    _key("down", "move(1)", "down", show=False),
    _key("pageup", "move(-10)", "page up", show=False),
    _key("pagedown", "move(10)", "page down", show=False),
]

TEXT: Bindings = [
    _key("escape,q,enter", "close", "back"),
    _key("o", "edit", "editor"),
    _key("y", "copy", "copy"),
    _key("up,k", "move(-1)", "up", show=False),
    _key("down,j", "move(1)", "down", show=False),
    _key("pageup", "page(-1)", "page up", show=False),
    _key("pagedown,space", "page(1)", "page down", show=False),
    _key("home,g", "ends(-1)", "first", show=False),
    _key("end,G", "ends(1)", "last", show=False),
]

REPLAY_APP: Bindings = [
    _key("ctrl+q,ctrl+c", "quit", "quit", show=False, priority=True),
]

REPLAY: Bindings = [
    _key("space", "play", "play or pause"),
    _key("right,l", "step(1)", "forward"),
    _key("left,h", "step(-1)", "back"),
    _key("tab", "focus_view", "focus view"),
    _key("home,g", "ends(-1)", "start", show=False),
    _key("end,G", "ends(1)", "end", show=False),
    _key("plus,equals_sign", "speed(1)", "faster"),
    _key("minus", "speed(-1)", "slower"),
    _key("escape,q", "quit", "quit"),
]
