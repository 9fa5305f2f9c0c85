"""What gets into a corpus, from real wheels, and what stays out."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from megacontext.configs.errors import SettingsError, TrainingError
from megacontext.models.training.corpus.filters import SeenLines, reason_to_drop, without_notice
from megacontext.models.training.corpus.prepare import prepare, read_manifest, read_split
from megacontext.models.training.corpus.settings import CorpusSettings, PackageSource, read_yaml
from megacontext.models.training.corpus.sources import library_files, package_files
from tests.models.training.small import module, package, write_wheel

GOOD = module("good", 5).encode()
ROOT = Path(__file__).parents[3]


def settings(**values: Any) -> CorpusSettings:
    return CorpusSettings.model_validate(
        {"name": "c", "packages": [package("zz_a")], "held_out": [package("zz_h")], **values}
    )


def prepared(tmp_path: Path, trained: dict[str, Any], held: dict[str, Any], **values: Any) -> Any:
    write_wheel(tmp_path / "wheels", "zz_a", trained)
    write_wheel(tmp_path / "wheels", "zz_h", held)
    return prepare(settings(**values), tmp_path / "out", tmp_path / "wheels")


def test_documents_keep_place_text_and_licence(tmp_path: Path) -> None:
    text = module("one", 4)
    prepared(tmp_path, {"zz_a/one.py": text, "zz_a/data.txt": "no"}, {"zz_h/x.py": module("x", 4)})
    (document,) = read_split(tmp_path / "out", "train")
    assert (document.repo, document.path, document.licence) == ("zz_a", "zz_a/one.py", "MIT")
    assert document.content == text


def test_the_manifest_counts_and_tells_why(tmp_path: Path) -> None:
    files = {"zz_a/one.py": module("one", 4), "zz_a/_vendor/two.py": module("two", 4)}
    manifest = prepared(tmp_path, files, {"zz_h/x.py": module("x", 4)})
    assert manifest == read_manifest(tmp_path / "out")
    assert manifest["train"]["packages"]["zz_a"]["dropped"] == {"vendored": 1}
    assert manifest["train"]["licences"] == {"MIT": 1}


def test_equal_input_gives_equal_hashes_whatever_was_there_before(tmp_path: Path) -> None:
    files = {f"zz_a/m{i}.py": module(f"m{i}", 4) for i in range(9)}
    first = prepared(tmp_path, files, {"zz_h/x.py": module("x", 4)})
    assert prepared(tmp_path, files, {"zz_h/x.py": module("x", 4)}) == first
    assert len(list(read_split(tmp_path / "out", "train"))) == 9


def test_a_copy_of_a_held_out_file_is_never_trained_on(tmp_path: Path) -> None:
    shared = module("shared", 8)
    near = shared.replace("first, second", "second, first", 1)
    files = {"zz_a/copied.py": shared, "zz_a/nearly.py": near, "zz_a/own.py": module("own", 8)}
    prepared(tmp_path, files, {"zz_h/shared.py": shared})
    assert [d.path for d in read_split(tmp_path / "out", "train")] == ["zz_a/own.py"]


def test_a_cap_keeps_whole_folders_together(tmp_path: Path) -> None:
    files = {f"zz_a/p{i}/m{j}.py": module(f"m{i}{j}", 9) for i in range(6) for j in range(3)}
    size = sum(map(len, files.values())) / 6
    capped = {"packages": [package("zz_a", max_mb=size * 2.1 / 1e6)]}
    prepared(tmp_path, files, {"zz_h/x.py": module("x", 4)}, **capped)
    folders = [Path(d.path).parent for d in read_split(tmp_path / "out", "train")]
    assert len(folders) == 6
    assert len(set(folders)) == 2


def test_skipped_paths_match_whole_folder_names(tmp_path: Path) -> None:
    files = {"test/a.py": module("a", 4), "unittest/b.py": module("b", 4)}
    skipping = {"packages": [package("zz_a", skip=["/test/"])]}
    prepared(tmp_path, files, {"zz_h/x.py": module("x", 4)}, **skipping)
    assert [d.path for d in read_split(tmp_path / "out", "train")] == ["unittest/b.py"]


def test_a_package_without_a_usable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="zz_a"):
        prepared(tmp_path, {"zz_a/empty.py": ""}, {"zz_h/x.py": module("x", 4)})


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("a/b.py", GOOD, None),
        ("a/_vendor/b.py", GOOD, "vendored"),
        ("a/third_party/b.py", GOOD, "vendored"),
        ("a/b.py", b"x = 1\n", "size"),
        ("a/b.py", GOOD * 2000, "size"),
        ("a/b.py", GOOD + b"# \xff\xfe\n", "encoding"),
        ("a/b.py", GOOD + b"# \0\n", "generated"),
        ("a/b.py", b"# This file is auto-generated, do not edit\n" + GOOD, "generated"),
        ("a/b.py", GOOD + b"x = '" + b"ab" * 800 + b"'\n", "minified"),
        ("a/b.py", b"table = [\n" + b"    0x1234, 0x5678, 3.14159,\n" * 60 + b"]\n", "literals"),
        ("a/b.py", b"\n" * 100, None),
    ],
)
def test_filters(path: str, content: bytes, reason: str | None) -> None:
    assert reason_to_drop(path, content, 200_000) == reason


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("# Copyright 2020 Somebody\n# All rights\n\nimport os\n", "import os\n"),
        ("#!/usr/bin/env python\n# MIT License\nimport os\n", "import os\n"),
        ("# About trees\nimport os\n", "# About trees\nimport os\n"),
        ("import os\n# Copyright\n", "import os\n# Copyright\n"),
        ("", ""),
    ],
)
def test_only_a_leading_notice_is_dropped(text: str, rest: str) -> None:
    assert without_notice(text) == rest


def test_files_without_long_lines_are_compared_whole() -> None:
    seen = SeenLines()
    assert not seen.is_copy("a = 1\nb = 2\n")
    assert not seen.is_copy("a = 1\nb = 3\n")
    assert seen.is_copy("a = 1\n\nb = 2")


def test_hostile_wheel_entries_are_not_read(tmp_path: Path) -> None:
    inside = {
        "../evil.py": GOOD,
        "/etc/evil.py": GOOD,
        "zz_a/huge.py": b"#" * (2 << 20),
        "zz_a-1.0.data/scripts/x.py": GOOD,
        "zz_a/ok.py": GOOD,
    }
    write_wheel(tmp_path, "zz_a", inside)
    source = PackageSource(**package("zz_a"))
    assert [path for path, _ in package_files(source, tmp_path)] == ["zz_a/ok.py"]


def test_a_broken_wheel_is_named(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, "zz_a", {"zz_a/ok.py": GOOD})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(TrainingError, match=str(path)):
        list(package_files(PackageSource(**package("zz_a")), tmp_path))


def test_a_corrupt_entry_is_named(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, "zz_a", {"zz_a/ok.py": GOOD})
    with zipfile.ZipFile(path) as archive:
        offset = archive.infolist()[0].header_offset
    content = bytearray(path.read_bytes())
    content[offset + 60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="no sound wheel"):
        list(package_files(PackageSource(**package("zz_a")), tmp_path))


def test_an_installed_package_of_the_pinned_version_needs_no_wheel(tmp_path: Path) -> None:
    from importlib.metadata import version

    source = PackageSource(name="pluggy", version=version("pluggy"), licence="MIT")
    paths = [path for path, _ in package_files(source, tmp_path)]
    assert "pluggy/_hooks.py" in paths
    assert not list(tmp_path.iterdir())


def test_the_standard_library_is_read_by_relative_paths() -> None:
    path, content = next(iter(library_files()))
    assert not path.startswith("/")
    assert content


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\npackages: []\nheld_out: []\nmax_mib: 3\n", "max_mib.*max_mb"),
        (
            "name: x\nheld_out: []\npackages: [{name: a, version: '1', licence: MIT, cap: 3}]\n",
            "packages.0.cap.*skip",
        ),
        (
            "name: x\nheld_out: []\npackages: [{name: a, version: '1', licence: GPL-3.0}]\n",
            "GPL-3.0.*Apache-2.0",
        ),
        ("name: x\nheld_out: []\npackages: [{name: '-r x', version: '1', licence: MIT}]\n", "name"),
        ("name: x\nheld_out: []\npackages: []\nmax_mb: many\n", "max_mb = 'many'"),
        ("name: x\nfiles: [{name: a, path: p}]\n", "files.0.licence"),
        ("name: x\nfiles: [{name: a, path: p, licence: MIT, url: u}]\n", "files.0.url.*max_mb"),
        ("name: x\n", "nothing to train on"),
        (
            "name: x\nfiles: [{name: a, path: p, licence: MIT, held_out: 0}]\n",
            "nothing is held out",
        ),
        ("- a list\n", "the file"),
        ("{", "cannot be read as YAML"),
    ],
)
def test_a_wrong_setting_names_itself_and_what_is_allowed(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=told) as caught:
        read_yaml(path, CorpusSettings)
    assert str(path) in str(caught.value)


def test_a_package_cannot_be_both_trained_on_and_held_out() -> None:
    with pytest.raises(ValueError, match="zz_a"):
        settings(held_out=[package("ZZ_A")])


def test_the_shipped_corpus_settings_are_valid() -> None:
    found = (ROOT / "configs" / "data").glob("*.yaml")
    for path in (each for each in found if not each.stem.startswith("lens_")):
        settings = read_yaml(path, CorpusSettings)
        assert settings.packages or settings.files


@pytest.mark.parametrize("content", [None, "", "{"])
def test_a_folder_without_a_corpus_says_what_to_run(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(TrainingError, match="megacontext data prepare"):
        read_manifest(tmp_path)
    with pytest.raises(TrainingError, match="megacontext data prepare"):
        next(read_split(tmp_path, "train"))


def test_the_manifest_is_plain_json(corpus: Path) -> None:
    assert json.loads((corpus / "tiny" / "manifest.json").read_text())["name"] == "tiny"
