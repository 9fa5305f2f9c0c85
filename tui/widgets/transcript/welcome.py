"""The first five lines that a new person sees."""

from .items import Item, Note


def welcome(
    name: str,
    files: int,
    tokens: int,
    budget: int,
    model: str,
    device: str,
    reason: str,
    *,
    chats: bool,
    example: str,
    place: str | None,
) -> list[Item]:
    """What this is, which model was chosen and why, what it can and cannot do, three things to try."""
    can = (
        "It answers, edits files and runs programs, and asks you first."
        if chats
        else "It completes code but does not chat, so questions are answered with the places that fit best."
    )
    try_place = f"/complete {place}" if place else "/help"
    return [
        Note(
            f"{name}: {files:,} files, {tokens:,} tokens in memory; a model reads the {budget:,} that matter.",
            "plain",
        ),
        Note(f"Model: {reason or f'{model} on {device}'}."),
        Note(can),
        Note(f"Try: {example}", "you"),
        Note(f"Or: {try_place}, ctrl+f to see the memory, F1 for keys and commands"),
    ]
