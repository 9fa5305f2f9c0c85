"""What goes into a pack from archives that somebody else made: bounded, and nothing that leads outside."""

import io
import json
import tarfile
import zipfile

import pytest

from megacontext.agent.packs import from_package
from megacontext.agent.packs.from_folder import from_folder
from megacontext.agent.packs.licences import spdx_of, spdx_of_words
from megacontext.agent.packs.origins import Named, gather
from megacontext.configs.errors import PackError
from megacontext.memory.left_out import LeftOutRules
from tests.memory.workbench import write_files

METADATA = (
    "Metadata-Version: 2.4\nName: Demo_Pkg\nVersion: 1.2\nLicense-Expression: MIT\n\nA demo.\n"
)
INFO = "demo_pkg-1.2.dist-info"


def wheel(folder, extra=()):
    folder.mkdir(exist_ok=True)
    path = folder / "demo_pkg-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo/core.py", "VALUE = 1\n")
        archive.writestr(f"{INFO}/METADATA", METADATA)
        archive.writestr(
            f"{INFO}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{INFO}/RECORD", "")
        for name, data in extra:
            archive.writestr(name, data)
    return path


def sdist(folder, entries):
    path = folder / "demo_pkg-1.2.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_600_000_000
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("demo_pkg-1.2/docs/link.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def test_a_pinned_package_is_fetched_by_pip_and_read_in_memory(tmp_path, monkeypatch):
    hostile = [("../evil.py", "x"), ("/abs.py", "x"), ("demo/big.py", bytes(5_000_000))]
    wheel(tmp_path / "links", hostile)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    found = gather("pypi:demo-pkg==1.2", LeftOutRules())
    assert {file.path for file in found.files} == {"demo/core.py", f"{INFO}/METADATA"}
    identity = found.identity
    assert (identity.name, identity.version, identity.licence) == ("Demo_Pkg", "1.2", "MIT")
    assert identity.origin == "pypi:demo-pkg==1.2"
    [note] = found.notes
    assert note.startswith("no documentation beyond the wheel's: pip cannot fetch")
    assert gather("pypi:demo-pkg==1.2", LeftOutRules(), source_archive=False).notes == ()
    with pytest.raises(PackError, match="pip cannot fetch"):
        gather("pypi:demo-pkg==9.9", LeftOutRules())


def test_of_a_source_archive_only_documentation_is_added(tmp_path):
    known = list(from_package._wheel_files(wheel(tmp_path)))
    archive = sdist(
        tmp_path,
        {
            "demo_pkg-1.2/demo/core.py": b"VALUE = 1\n",
            "demo_pkg-1.2/setup.py": b"raise SystemExit\n",
            "demo_pkg-1.2/docs/guide.rst": b"Guide\n=====\n",
            "demo_pkg-1.2/CHANGELOG.md": b"# 1.2\n",
            "demo_pkg-1.2/README.md": b"# Demo\n",
            "demo_pkg-1.2/../evil.md": b"x",
            "/docs/abs.md": b"x",
            "demo_pkg-1.2/docs/big.md": bytes(5_000_000),
            "demo_pkg-1.2/tests/test_core.py": b"x",
        },
    )
    found = from_package._documentation(archive, known)
    assert {file.path for file in found} == {"docs/guide.rst", "CHANGELOG.md", "README.md"}
    assert {file.mtime_ns for file in found} == {1_600_000_000 * 10**9}


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", bytes(100)])
def test_damaged_archives_are_told(tmp_path, data):
    path = tmp_path / "x.whl"
    path.write_bytes(data)
    with pytest.raises(PackError, match="no sound wheel"):
        list(from_package._wheel_files(path))
    with pytest.raises(PackError, match="no sound archive"):
        from_package._documentation(path, [])


def test_a_file_that_is_not_what_the_record_says_has_little_trust(tmp_path, monkeypatch):
    site = tmp_path / "site"
    write_files(
        site,
        {
            "demo.py": "VALUE = 1\n",
            "free.py": "VALUE = 2\n",
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/RECORD": "demo.py,sha256=AAAA,9\nfree.py,,\n../../outside.py,,\n"
            f"{INFO}/METADATA,,\n{INFO}/RECORD,,\n",
        },
    )
    monkeypatch.syspath_prepend(str(site))
    found = gather("installed:demo_pkg", LeftOutRules())
    trust = {file.path: file.trust for file in found.files}
    assert trust["demo.py"] == 0.2
    assert trust["free.py"] == 0.9
    assert set(trust) == {"demo.py", "free.py", f"{INFO}/METADATA"}


@pytest.mark.parametrize(
    ("project", "identity"),
    [
        ({"pyproject.toml": '[project]\nname = "a b"\nversion = "2"\nlicense = "MIT"\n'}, ("a-b", "2", "MIT")),
        ({"pyproject.toml": '[project]\nname = "a"\nlicense = {text = "MIT License"}\n'}, ("a", "0", "MIT")),
        ({"package.json": json.dumps({"name": "@x/y", "version": "1.0.0"})}, ("x-y", "1.0.0", "NOASSERTION")),
        ({"pyproject.toml": "[["}, ("folder", "0", "NOASSERTION")),
        ({}, ("folder", "0", "NOASSERTION")),
    ],
)  # fmt: skip
def test_a_folder_is_called_what_its_project_file_says(tmp_path, project, identity):
    write_files(tmp_path / "folder", {"a.md": "# A\n", **project})
    found = from_folder(tmp_path / "folder", LeftOutRules()).identity
    assert (found.name, found.version, found.licence) == identity
    named = Named(version="9").over(found)
    assert (named.name, named.version) == (identity[0], "9")


@pytest.mark.parametrize(
    ("words", "spdx"),
    [
        ("MIT", "MIT"),
        ("Apache 2.0", "Apache-2.0"),
        ("BSD-2-Clause OR MIT", "BSD-2-Clause OR MIT"),
        ("Do what you want, but never on Sundays", "NOASSERTION"),
        ("", "NOASSERTION"),
    ],
)
def test_licences_are_not_guessed(words, spdx):
    assert spdx_of_words(words) == spdx


def test_classifiers_name_a_licence_where_nothing_else_does():
    from email.message import Message

    said = Message()
    said["Classifier"] = "License :: OSI Approved :: MIT License"
    said["Classifier"] = "License :: OSI Approved :: Apache Software License"
    said["License"] = "see the file"
    assert spdx_of(said) == "MIT OR Apache-2.0"
