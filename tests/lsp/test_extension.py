"""The extension for Visual Studio Code: what it names is there, and it can be built and packaged."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from megacontext.lsp.options import Options

EXTENSION = Path(__file__).parents[2] / "docs" / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text("utf-8"))
SOURCE = (EXTENSION / "src" / "extension.ts").read_text("utf-8")
BUILD_S = 200


def test_versions_are_exact_and_locked():
    lock = json.loads((EXTENSION / "package-lock.json").read_text("utf-8"))["packages"][""]
    for group in ("dependencies", "devDependencies"):
        assert lock[group] == MANIFEST[group]
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", each) for each in MANIFEST[group].values())


def test_every_command_that_is_shown_is_registered():
    shown = {each["command"] for each in MANIFEST["contributes"]["commands"]}
    assert shown == set(re.findall(r'registerCommand\(\s*"([\w.]+)"', SOURCE))
    used = {each["command"] for menu in MANIFEST["contributes"]["menus"].values() for each in menu}
    assert used <= shown


def test_what_is_sent_at_the_start_are_options_of_the_server():
    sent = SOURCE.split("initializationOptions: {")[1].split("}")[0]
    keys = set(re.findall(r"^\s*(\w+):", sent, re.MULTILINE))
    assert keys
    assert keys <= set(Options.model_fields)
    settings = {f"megacontext.{key}" for key in re.findall(r'wanted\.get[^(]*\("(\w+)"', SOURCE)}
    assert settings <= set(MANIFEST["contributes"]["configuration"]["properties"])


def test_no_workspace_chooses_the_program_that_is_started():
    assert (
        MANIFEST["contributes"]["configuration"]["properties"]["megacontext.command"]["scope"]
        == "machine"
    )
    assert MANIFEST["capabilities"]["untrustedWorkspaces"]["supported"] is False


@pytest.mark.slow
def test_it_is_built_and_packaged(tmp_path: Path):
    if shutil.which("npm") is None:
        pytest.skip("there is no Node")
    folder = tmp_path / "extension"
    shutil.copytree(
        EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "out", "*.vsix")
    )
    fetched = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        timeout=BUILD_S,
        check=False,
    )
    if fetched.returncode:
        pytest.skip("npm cannot fetch what builds it")
    built = subprocess.run(
        ["npm", "run", "package"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (folder / f"megacontext-{MANIFEST['version']}.vsix").stat().st_size > 50_000
