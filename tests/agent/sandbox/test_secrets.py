"""What must not be seen: by name, by content, and in what programs write."""

import pytest
from pathspec import GitIgnoreSpec

from megacontext.agent.sandbox.secrets import Secrets
from megacontext.memory.left_out import LeftOutRules

SECRETS = Secrets(LeftOutRules())
KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    "path", [".env", "a/b/.env.local", ".ENV", "keys/ID_RSA", "server.PEM", "a/.netrc", "secrets.yaml"]
)  # fmt: skip
def test_files_of_secrets_are_known_by_name(path):
    assert SECRETS.by_path(path)


@pytest.mark.parametrize("path", [".env.example", "env.py", "keys.py", "package-lock.json", "a.min.js"])  # fmt: skip
def test_other_files_are_not(path):
    assert SECRETS.by_path(path) is None


def test_what_the_settings_exclude_is_not_shown_either():
    secrets = Secrets(LeftOutRules(exclude=GitIgnoreSpec.from_lines(["private/"])))
    assert "memory.exclude_patterns" in (secrets.by_path("private/a.py") or "")


def test_secrets_are_known_by_content():
    assert "AWS" in (SECRETS.by_content(f"k = '{KEY}'".encode()) or "")
    assert SECRETS.by_content(b"nothing") is None


def test_secrets_are_taken_out_of_what_programs_write():
    text = SECRETS.removed(f"a {KEY} b hunter2-hunter2 c".encode(), [b"hunter2-hunter2"])
    assert text == b"a [an AWS access key was removed] b [a secret was removed] c"


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("PASSWORD=hunter2-hunter2\n", {b"hunter2-hunter2"}),
        ('export TOKEN="abc-123-def-456"\n', {b"abc-123-def-456"}),
        ("key: s3cr3t-value\n", {b"s3cr3t-value"}),
        ('{"password": "p4ssw0rd-long",\n "host": "localhost"}', set()),
        ('"password": "p4ssw0rd-long",\n', {b"p4ssw0rd-long"}),
        ("DEBUG=true\nPORT=80\nHOST=localhost\nNAME=production\nROOT=/usr/local/lib\n", set()),
        ("x" * 31 + "9" + "\n", {b"x" * 31 + b"9"}),
    ],
)
def test_values_of_secret_files_are_known(tmp_path, content, values):
    (tmp_path / ".env").write_text(content)
    found = SECRETS.values_in(tmp_path.resolve(), [".env", "gone.pem", "other.py"])
    assert found >= values
    assert values or not {b"true", b"localhost", b"production"} & found


@pytest.mark.parametrize("part", [b" ", b"=", b"a=", b"a:", b"\n", b"a=b\n", b'"', b"export "])
def test_dull_files_take_no_longer(tmp_path, part):
    (tmp_path / ".env").write_bytes(part * (65_536 // len(part)))
    SECRETS.values_in(tmp_path.resolve(), [".env"])


def test_who_wants_no_secrets_kept_gets_none():
    secrets = Secrets(LeftOutRules(secrets=False))
    assert secrets.by_path(".env") is None
    assert secrets.by_content(KEY.encode()) is None
    assert secrets.removed(KEY.encode()) == KEY.encode()
