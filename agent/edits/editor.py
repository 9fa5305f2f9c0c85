"""The border to an editor that has files open: what it shows goes before what is on disk. Knows no protocol."""

from typing import Protocol

from .text_file import BOM, TextFile, plain


class Editor(Protocol):
    """Where a person edits the files that tools read and write. Paths are relative to the root, forward slashes."""

    def text(self, path: str) -> str | None:
        """What it has of a file, with whatever line ends; None where it has none or does not say."""
        ...

    def put(self, path: str, text: str) -> bool:
        """Give a file another text, as an edit that the person sees; whether it has."""
        ...


def shown(editor: Editor, path: str, disk: bytes | None) -> bytes | None:
    """A file as the editor shows it, as bytes; `disk` itself where the two differ in nothing but line ends."""
    text = editor.text(path)
    if text is None:
        return disk
    bare = text.removeprefix("\ufeff")
    known = (disk or b"").removeprefix(BOM)
    if disk is not None and plain(bare) == plain(known.decode("utf-8", "replace")):
        return disk
    file = TextFile(known.decode("utf-8", "surrogateescape"), (disk or b"").startswith(BOM))
    return file.data(file.fitted(path, plain(bare)))


def put(editor: Editor, path: str, data: bytes) -> bool:
    """Write a file through the editor; whether that was done, which it is not for what is no UTF-8."""
    try:
        text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return editor.put(path, text)
