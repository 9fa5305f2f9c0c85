"""One line that a person writes, such as a path to find."""

from textual import events
from textual.widgets import Input

from megacontext.agent.edits.change import visible


class LineInput(Input):
    """What is pasted into it must not steer the terminal."""

    def on_paste(self, event: events.Paste) -> None:
        """Show signs in place of what steers; the input itself takes the text after this."""
        event.text = visible(event.text)
