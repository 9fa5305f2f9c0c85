"""`python -m tests.benchmarks.rivals.serve NAME ROOT STATE BUDGET`: one of our own or home-made tools as a process."""

import sys
from pathlib import Path

from .answering import Rival, serve


def rival_of(name: str, root: Path, state: Path, budget: int, program: str) -> Rival:
    """Made with no more imports than it needs; `program` is where ripgrep is."""
    if name in ("megacontext", "megacontext_text"):
        from .ours import Ours

        return Ours(root, budget, gists=name == "megacontext")
    packer = _packer(budget)
    if name == "ripgrep":
        from .grep import Grep

        return Grep(root, packer, program)
    if name == "full_text":
        from .full_text import FullText

        return FullText(root, state, packer)
    measurer = _measurer()
    if name == "dense":
        from .dense import Dense

        return Dense(root, state, packer, measurer)
    from .explaining import Explaining

    return Explaining(root, packer, measurer)


def _packer(budget: int):
    from megacontext.models.choosing.choose import pocket_folder
    from megacontext.models.language.tokenizing import TextTokenizer

    from .passages import Packer

    return Packer(TextTokenizer.load(pocket_folder()).count, budget)


def _measurer():
    from megacontext.agent.evals.measuring import LossCache, Measurer
    from megacontext.models.choosing.choose import choose_model
    from megacontext.models.choosing.machine import probe_machine
    from megacontext.models.language.loading import load_model

    model = load_model(choose_model("pocket", probe_machine(), precision="float32"))
    return Measurer(model, "pocket", LossCache(Path(":memory:")))


if __name__ == "__main__":
    name, root, state, budget, *program = sys.argv[1:]
    serve(rival_of(name, Path(root), Path(state), int(budget), *(program or ["rg"])))
