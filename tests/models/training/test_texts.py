"""Corpora of prose and dialogue from a person's own folders."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from megacontext.agent.commands import data
from megacontext.configs.errors import TrainingError
from megacontext.models.training.corpus.prepare import prepare, read_split
from megacontext.models.training.corpus.settings import CorpusSettings, FileSource
from megacontext.models.training.corpus.texts import text_files

STORY = "The {0} river went on past the {0} mill, and nobody in the village spoke of number {0}.\n"


def source(folder: Path, **values: Any) -> FileSource:
    return FileSource(name="texts", path=str(folder), licence="CC-BY-4.0", **values)


def corpus(folder: Path, **values: Any) -> CorpusSettings:
    text = source(folder, **values)
    return CorpusSettings(name="prose", max_file_kb=4, files=(text,))


def write_stories(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(STORY.format(f"{number}th") * 2)


def read(folder: Path, limit: int = 10**9) -> dict[str, bytes]:
    """All of it, when nothing is held out."""
    whole = source(folder, held_out=0.0)
    return dict(text_files(whole, 0, 4000, limit, held_out=False))


def test_every_document_is_trained_on_or_held_out(tmp_path: Path) -> None:
    write_stories(tmp_path / "texts", 60)
    manifest = prepare(corpus(tmp_path / "texts", held_out=0.2), tmp_path / "out", tmp_path)
    trained, held = (
        {document.path for document in read_split(tmp_path / "out", split)}
        for split in ("train", "validation")
    )
    assert not trained & held
    assert len(trained | held) == 60
    assert 4 <= len(held) <= 20
    assert manifest["train"]["licences"] == {"CC-BY-4.0": len(trained)}
    assert {document.repo for document in read_split(tmp_path / "out", "train")} == {"texts"}


def test_a_copy_of_a_held_out_document_is_never_trained_on(tmp_path: Path) -> None:
    write_stories(tmp_path, 30)
    for file in list(tmp_path.glob("*.txt")):
        (tmp_path / f"copy of {file.name}").write_text(file.read_text())
    prepare(corpus(tmp_path, held_out=0.5), tmp_path / "out", tmp_path)
    texts = Counter(
        document.content
        for split in ("train", "validation")
        for document in read_split(tmp_path / "out", split)
    )
    assert set(texts.values()) == {1}


def test_lines_are_documents_and_turns_are_told_with_their_speakers(tmp_path: Path) -> None:
    lines = [
        {"text": STORY.format("first")},
        {"messages": [{"role": "user", "content": "Hi?"}, {"role": "guide", "content": "Yes."}]},
    ]
    written = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "talk.jsonl").write_text(written)
    assert read(tmp_path) == {
        "day/talk/1.txt": STORY.format("first").encode(),
        "day/talk/2.txt": b"user: Hi?\nguide: Yes.\n",
    }


@pytest.mark.parametrize(
    "line",
    [
        *("", "{", "3", "[]", "{}", "\xff", "[" * 100_000),
        *('{"text": 3}', '{"messages": "hi"}', '{"messages": [1]}'),
    ],
)
def test_a_line_that_holds_no_document_is_dropped(tmp_path: Path, line: str) -> None:
    good = json.dumps({"text": STORY.format("one")})
    (tmp_path / "t.jsonl").write_bytes(f"{line}\n{good}\n".encode("latin-1"))
    assert read(tmp_path) == {
        "t/1.txt": b"",
        "t/2.txt": STORY.format("one").encode(),
    }
    (tmp_path / "h.txt").write_text(STORY.format("other"))
    manifest = prepare(corpus(tmp_path, held_out=0.5), tmp_path / "out", tmp_path)
    counts = [manifest[split]["packages"]["texts"] for split in ("train", "validation")]
    assert sum(count["files"] for count in counts) == 2
    assert sum(count["dropped"].get("size", 0) for count in counts) == 1


def test_what_is_no_prose_stays_out_and_is_counted(tmp_path: Path) -> None:
    write_stories(tmp_path, 20)
    (tmp_path / "long.txt").write_text(STORY.format("long") * 200)
    (tmp_path / "table.md").write_text("| 1 | 2.5 | 3.25 |\n" * 20)
    (tmp_path / "binary.txt").write_bytes(b"\0\xff" * 100)
    (tmp_path / "zeros.txt").write_text(STORY.format("zero") + "\0")
    (tmp_path / "picture.png").write_text(STORY.format("picture"))
    (tmp_path / "link.txt").symlink_to(tmp_path / "000.txt")
    manifest = prepare(corpus(tmp_path, skip=("/003",)), tmp_path / "out", tmp_path)
    dropped: Counter[str] = Counter()
    for split in ("train", "validation"):
        dropped.update(manifest[split]["packages"]["texts"]["dropped"])
    assert dropped == {"size": 2, "literals": 1, "generated": 1, "skipped": 1}


def test_a_paragraph_may_be_one_line_and_line_ends_are_one(tmp_path: Path) -> None:
    text = STORY.format("long").strip() * 20
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")
    assert read(tmp_path) == {"a.md": text.encode() + b"\n"}


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(0, 4000))
def test_no_more_is_read_than_is_wanted(
    tmp_path_factory: pytest.TempPathFactory, limit: int
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    write_stories(folder, 12)
    taken = read(folder, limit)
    whole = read(folder)
    assert list(taken.items()) == list(whole.items())[: len(taken)]
    size = sum(map(len, taken.values()))
    assert size <= limit
    assert len(taken) == 12 or size + max(map(len, whole.values())) > limit


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_text_is_named(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "texts"
    if there:
        folder.mkdir()
        (folder / "a.py").write_text("x = 1\n")
    with pytest.raises(TrainingError, match=str(folder)):
        prepare(corpus(folder), tmp_path / "out", tmp_path)


def test_too_little_to_hold_any_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STORY.format("a"))
    with pytest.raises(TrainingError, match="validation split"):
        prepare(corpus(tmp_path, held_out=0.001), tmp_path / "out", tmp_path)


def test_the_command_prepares_prose(tmp_path: Path) -> None:
    write_stories(tmp_path / "texts", 40)
    config = tmp_path / "c.yaml"
    config.write_text(corpus(tmp_path / "texts").model_dump_json(exclude_none=True))
    arguments = ["prepare", "--config", str(config), "--out", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(data.app, arguments)
    assert json.loads(done.stdout)["name"] == "prose"
