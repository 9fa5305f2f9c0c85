"""Which signs a terminal can show."""

import pytest

from megacontext.tui.glyphs import ASCII, UNICODE, glyphs_for


@pytest.mark.parametrize(
    ("encoding", "environment", "glyphs"),
    [
        ("utf-8", {}, UNICODE),
        ("UTF8", {"TERM": "xterm-256color"}, UNICODE),
        ("ascii", {}, ASCII),
        ("latin-1", {}, ASCII),
        (None, {}, ASCII),
        ("no-such-encoding", {}, ASCII),
        ("utf-8", {"TERM": "linux"}, ASCII),
        ("utf-8", {"MEGACONTEXT_ASCII": "1"}, ASCII),
        ("ascii", {"MEGACONTEXT_ASCII": "0"}, UNICODE),
    ],
)
def test_the_set_for_a_terminal(encoding, environment, glyphs):
    assert glyphs_for(encoding, environment) is glyphs


@pytest.mark.parametrize("glyphs", [ASCII, UNICODE])
def test_levels_are_told_apart_without_colour(glyphs):
    assert len({glyphs.level(level) for level in (0, 1, 2, 3)} | {glyphs.silent}) == 5
    assert glyphs.level(9) == glyphs.level(3)


@pytest.mark.parametrize("glyphs", [ASCII, UNICODE])
def test_paths_keep_their_end(glyphs):
    assert glyphs.shortened("src/package/module.py", 12).endswith("/module.py")
    assert len(glyphs.shortened("src/package/module.py", 12)) == 12
    assert glyphs.shortened("a.py", 12) == "a.py"
