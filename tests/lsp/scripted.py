"""`python -m tests.lsp.scripted REPLY …`: the server with a model that says these replies."""

import sys

from megacontext.lsp.main import serve
from megacontext.lsp.server import Server
from megacontext.models.language.scripted import ScriptedModel

if __name__ == "__main__":
    sys.exit(serve(Server(ScriptedModel(sys.argv[1:]))))
