"""`megacontext status`: what the memory of a repository holds, without loading a model."""

from typing import Any

from ..console import human_bytes, print_json, say
from .options import Json, Repo


def status(repo: Repo = None, as_json: Json = False) -> None:
    """Show freshness, sizes, what was left out and why, and who writes."""
    from ..state import read_state

    state = read_state(repo)
    if as_json:
        print_json(state)
        return
    say(f"{state['root']}")
    say(f"freshness: {_freshness(state['fresh'])}; writer: {state['writer'] or 'none'}")
    counts = state["catalogue"]
    say(
        f"{counts['files']:,} files ({human_bytes(counts['bytes'])}), {counts['chunks']:,} chunks, "
        f"{counts['symbols']:,} symbols; catalogue {human_bytes(state['disk']['catalogue'])}"
    )
    for tree in state["trees"]:
        _show_tree(tree)
    if state["left_out"]:
        say(f"left out ({len(state['left_out'])}):")
        for item in state["left_out"]:
            say(f"  {item['path']}: {item['reason']}")


def _freshness(fresh: dict[str, int]) -> str:
    if not any(fresh.values()):
        return "fresh"
    return (
        ", ".join(f"{count:,} {what}" for what, count in fresh.items() if count)
        + " since the last index"
    )


def _show_tree(tree: dict[str, Any]) -> None:
    say(
        f"tree {tree['name']}: {tree['tokens']:,} tokens, root {(tree['root'] or 'not settled')[:12]}"
    )
    for level, facts in tree["levels"].items():
        per_token = (
            f", {facts['bytes'] / tree['tokens']:.2f} bytes a token" if tree["tokens"] else ""
        )
        say(f"  {level}: {facts['rows']:,} rows, {human_bytes(facts['bytes'])}{per_token}")
