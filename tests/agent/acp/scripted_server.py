"""`python -m tests.agent.acp.scripted_server [SETTINGS]`: the agent over the protocol, with a model that plays scripts.

SETTINGS are JSON by dotted key; `context_length` is the model's.

A message ends with its script: `script:` and a JSON list of replies, told one after the other; a reply of `$N` is N
words, `$echo` what was asked, `$knows TEXT` whether the prompt holds a text.
"""

import json
import re
import sys

from megacontext.agent.acp.serving import serve
from megacontext.models.language.scripted import ScriptedModel

SETTINGS = {"model.name": "pocket", "model.device": "cpu", "sandbox.kind": "none"}
MARK = "script:"
ANSWER = "\nassistant: "


def reply(prompt: str) -> str:
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
    if found := re.fullmatch(r"\$(\d+)", answer):
        return "word " * int(found[1])
    return str(answer)


def main() -> None:
    settings = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    length = settings.pop("context_length", 1 << 20)
    serve(SETTINGS | settings, ScriptedModel(reply, context_length=length))


if __name__ == "__main__":
    main()
