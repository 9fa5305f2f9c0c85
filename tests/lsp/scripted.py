"""`python -m tests.lsp.scripted REPLY …`: the server with a model that says these replies.

A reply of `$held` is one that comes to no end.
"""

import sys

from megacontext.lsp.main import serve
from megacontext.lsp.server import Server
from megacontext.models.language.scripted import ScriptedModel
from tests.patience import held

HELD = "$held"

if __name__ == "__main__":
    replies = [held("word ") if reply == HELD else reply for reply in sys.argv[1:]]
    sys.exit(serve(Server(ScriptedModel(replies))))
