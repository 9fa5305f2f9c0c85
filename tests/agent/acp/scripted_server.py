"""`python -m tests.agent.acp.scripted_server [SETTINGS]`: the agent over the protocol, with a model that plays scripts.

SETTINGS are JSON by dotted key; `context_length` is the model's.

A message ends with its script: `script:` and a JSON list of replies, told one after the other; a reply of `$N` is N
words, `$N until PATH` is one that is at its end when there is such a file, `$echo` what was asked, `$knows TEXT`
whether the prompt holds a text.
"""

import json
import re
import sys
from pathlib import Path

from megacontext.agent.acp import servers, session
from megacontext.agent.acp.client import files, terminals
from megacontext.agent.acp.serving import serve
from megacontext.models.language.scripted import Reply, ScriptedModel
from tests.patience import PATIENCE_S, held

SETTINGS = {
    "model.name": "pocket",
    "model.device": "cpu",
    "sandbox.kind": "none",
    "chat.max_new_tokens": 1 << 18,
}
MARK = "script:"
ANSWER = "\nassistant: "
DONE = "done"
"""The end of a reply that waits for a file."""


def reply(prompt: str) -> Reply:
    asked, mark, rest = prompt.rpartition(MARK)
    if not mark:
        return "I have no script."
    script, _, told = rest.partition(ANSWER)
    replies = json.loads(script)
    number = told.count(ANSWER)
    answer = replies[number] if number < len(replies) else "My script has ended."
    if answer == "$echo":
        return asked.rpartition("user: ")[2]
    if answer.startswith("$knows "):
        return "yes" if answer.removeprefix("$knows ") in asked else "no"
    if found := re.fullmatch(r"\$(\d+)(?: until (.+))?", answer):
        words = "word " * int(found[1])
        return held(words, Path(found[2]).exists, DONE) if found[2] else words
    return str(answer)


def main() -> None:
    settings = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    length = settings.pop("context_length", 1 << 20)
    # On a busy machine everybody may be slow.
    servers.START_S = session.END_S = files.ANSWER_S = terminals.ANSWER_S = PATIENCE_S
    serve(SETTINGS | settings, ScriptedModel(reply, context_length=length))


if __name__ == "__main__":
    main()
