"""`python -m tests.soak.taking_in FOLDER`: takes in made-up files by their seeds, and says what holds of them.

A line on standard input is a batch of seeds. Lines of JSON on standard output say which seed is begun, what it took,
and what was wrong. A process of its own, so that one that ends or hangs is noticed by who started it.
"""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from megacontext.agent.opening import Workplace
from megacontext.memory.memory import Memory
from tests.memory.chunking.tiling import check
from tests.memory.workbench import Elsewhere, git, said, write_files

from .made_up import made_up


def main() -> None:
    root = Path(sys.argv[1])
    git(root, "init", "-q")
    workplace = Workplace.at(root, {"model.name": "pocket", "model.device": "cpu"})
    with workplace.open_memory(write=True) as memory:
        memory.writer.reconcile()
        for line in sys.stdin:
            batch: list[int] = json.loads(line)
            try:
                take_in(memory, batch)
            except Exception as exc:  # noqa: BLE001  whatever it is, it is told, and the next batch comes
                tell(wrong=f"{exc!r}")
            tell(done=batch)


def take_in(memory: Memory, seeds: list[int]) -> None:
    """Cut, ingest and read a batch of files; what is wrong with one is told with its seed, the rest is raised."""
    files: dict[str, bytes] = {}
    for seed in seeds:
        path, data = made_up(seed)
        tell(begun=seed, size=len(data))
        started = time.perf_counter()
        try:
            check(path, data)
        except Exception as exc:  # noqa: BLE001  told, and the next one comes
            tell(wrong=f"{path!r}: {exc!r}")
        tell(ms=(time.perf_counter() - started) * 1000)
        files[path] = data
    for path in [file.path for file in memory.catalogue.files()]:
        (memory.places.root / path).unlink()
    write_files(memory.places.root, files)
    started = time.perf_counter()
    memory.writer.reconcile()
    tell(taken_in=len(files), ms=(time.perf_counter() - started) * 1000)
    for seed, (path, data) in zip(seeds, files.items(), strict=True):
        tell(begun=seed, size=len(data))
        if fault := found_wrong(memory, path, data):
            tell(wrong=f"{path!r}: {fault}")
    verdict = memory.verifier().run()
    assert verdict.ok, verdict.errors
    same_as_scratch(memory)


def found_wrong(memory: Memory, path: str, data: bytes) -> str:
    """What memory says wrongly of a file; nothing of one that it left out and told so."""
    record = memory.catalogue.file(path)
    if record is None:
        left_out = {item.path for item in memory.catalogue.left_out()}
        return "" if path in left_out else "neither indexed nor left out"
    chunks = memory.catalogue.chunks_of(record.id)
    text = b"".join(data[chunk.start : chunk.end] for chunk in chunks)
    if text != data:
        return "its chunks are not the file"
    if not all(memory.text_of(chunk) is not None for chunk in chunks):
        return "what was just taken in is called stale"
    rows = memory.chunk_rows(chunks)
    for chunk in chunks:
        tokens = memory.store.tokens(rows[chunk.digest]).tolist()
        wanted = memory.tokenizer.encode_batch([memory.text_of(chunk) or ""])[0]
        if tokens != list(wanted):
            return f"the tokens of chunk {chunk.ordinal} are not those of its text"
    return ""


def same_as_scratch(memory: Memory) -> None:
    with TemporaryDirectory(dir=memory.places.root.parent) as folder:
        places = Elsewhere(memory.places.root, Path(folder))
        spec, rules = memory.store.spec, memory.rules
        with Memory.open(places, spec, memory.tokenizer, rules, write=True) as scratch:
            scratch.writer.reconcile()
            assert said(scratch) == said(memory), "not what an index from scratch says"


def tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
