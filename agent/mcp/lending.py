"""The questions that other agents may ask of a repository's memory, over an open engine. Knows no protocol.

Nothing is told but what is in memory: ignored files, secrets and whatever else is left out has no answer, and what is
told verbatim is read from the file as it is now.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from megacontext.configs.errors import ToolError
from megacontext.memory.catalogue import FileRecord
from megacontext.memory.focus import FocusQuery, WorkingEntry
from megacontext.memory.focus.codec import Shown
from megacontext.memory.focus.text_codec import SEPARATOR
from megacontext.memory.ingest.reading import FileText, Refusal
from megacontext.memory.memory import Memory
from megacontext.memory.tree.keys import digest
from megacontext.models.base import Cancel

from ..edits.symbols import find_symbol, first_line, last_line
from ..engine import Engine
from ..events import Provenance
from ..packs.reading import DATA, PackPlace, PackReading
from ..state import read_state
from ..tools.finding import find
from .answers import (
    LEVELS,
    Child,
    Chosen,
    FocusAnswer,
    LeftOutCount,
    OutlineAnswer,
    Place,
    ReadAnswer,
    SearchAnswer,
    StatusAnswer,
    short,
)
from .places import chunk_place, file_place, name_of, search_answer

REPOSITORY = 1
MOST_CHILDREN, MOST_NAMES = 500, 500
MOST_CHARS = 60_000
"""Of a text that is read at once."""
NEAR = 6
NOT_KNOWN = "there is no {path} in the memory: no such file, or it is ignored, or left out"


class Lender:
    """Answers questions about one repository. One at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.memory = engine.memory
        self.packs = PackReading(engine.memory, engine.settings, "mcp")

    # Focus

    def focus(self, query: str, budget: int | None = None) -> FocusAnswer:
        """What matters for a question or task, within a budget of tokens; loads no model.

        Raises FocusError for a budget beyond reason.
        """
        wanted = self.engine.settings.focus.budget if budget is None else budget
        self.engine.forget_focus()
        composed, rendering = self.engine.focus_and_read(
            FocusQuery(text=query, budget=wanted), "text", context="mcp"
        )
        told = {
            id(entry): part.source.provenance(entry)
            for part in composed.parts
            for entry in part.focused.entries
        }
        with self.memory.reading():
            places = [
                self._chosen(item.entry, told.get(id(item.entry))) for item in rendering.shown
            ]
        return FocusAnswer(
            text="".join(map(_plain, rendering.shown)),
            places=places,
            tokens=composed.total_cost,
            budget=composed.budget,
            notice="\n".join(composed.notices),
        )

    def _chosen(self, entry: WorkingEntry, provenance: Provenance) -> Chosen:
        if provenance is not None:
            key = bytes.fromhex(provenance["hash"])
        elif entry.node.digest:
            key = entry.node.digest
        elif entry.start_line:
            record = self.memory.catalogue.file(entry.path)
            key = record.digest if record else b""
        else:
            key = self._folder_key(entry.path)
        return Chosen(
            path=entry.path,
            start_line=entry.start_line,
            end_line=entry.end_line,
            hash=short(key),
            detail=LEVELS[entry.level],
            provenance=provenance,
        )

    # Search

    def search(
        self, query: str, path: str = "", limit: int = 40, cancel: Cancel | None = None
    ) -> SearchAnswer:
        """Definitions, files and lines that hold a name, words or a piece of code."""
        place = self.packs.place(path)
        answer = SearchAnswer(definitions=[], files=[], matches=[])
        if place is None:
            below = self._known(path, folders=True)
            with self.memory.reading():
                found = find(self.memory, query, below, limit, cancel)
                answer = search_answer(self.memory, found)
        if place is None and path.strip("./"):
            return answer
        names_only = bool(answer.definitions or answer.files or answer.matches)
        notices = []
        for memory, held in self.packs.find(query, place, limit, cancel, names_only=names_only):
            with memory.reading():
                more = search_answer(memory, held)
            answer.definitions += more.definitions
            answer.files += more.files
            answer.matches += more.matches
            notices.append(DATA.format(label=memory.label))
        return answer.model_copy(update={"notice": "\n".join(notices)}) if notices else answer

    # Read

    def read(
        self, path: str, start: int | None = None, end: int | None = None, symbol: str | None = None
    ) -> ReadAnswer:
        """Lines of a file as they are now, as many of them as one answer holds.

        Raises ToolError for a file that is not in memory, lines that are not in the file, or an unknown name.
        """
        place = self.packs.place(path)
        known = place.shown if place else self._known(path)
        data = self.packs.read(place) if place else self._bytes(known)
        first, last = start or 1, end or 1 << 30
        if symbol:
            found = find_symbol(known, data, symbol, start)
            first, last = first_line(data, found), last_line(data, found)
        lines = data.split(b"\n") if data else []
        if lines and not lines[-1]:
            lines.pop()
        if last < first:
            raise ToolError(f"`end` is {last}, before `start`, {first}")
        if lines and first > len(lines):
            raise ToolError(f"{known} has {len(lines)} lines; line {first} is behind its end")
        answer = _read_answer(known, data, lines, first, min(last, len(lines)))
        if place is not None:
            return answer.model_copy(update={"notice": f"{answer.notice} {place.notice}".strip()})
        return answer

    def _bytes(self, path: str) -> bytes:
        """A file that is in memory, as it is now; raises ToolError for any other."""
        match self.memory.look(path):
            case FileText(data=data):
                return data
            case Refusal(reason=reason):
                raise ToolError(f"{path} is left out of memory: {reason}")
        raise ToolError(NOT_KNOWN.format(path=path))

    def whole(self, path: str) -> tuple[Place, bytes]:
        """All of a file as it is now; raises ToolError as `read` does."""
        known = self._known(path)
        data = self._bytes(known)
        lines = data.count(b"\n") + (not data.endswith(b"\n")) if data else 0
        place = Place(
            path=known, start_line=1 if lines else 0, end_line=lines, hash=short(digest(data))
        )
        return place, data

    def chunk(self, path: str, key: str) -> tuple[Place, str]:
        """A chunk of a file by its hash, with its text; raises ToolError when it is not there any more."""
        with self.memory.reading():
            record = self.memory.catalogue.file(path)
            chunks = self.memory.catalogue.chunks_of(record.id) if record else []
            for each in chunks:
                if short(each.digest) == key and (text := self.memory.text_of(each)) is not None:
                    return Place(**chunk_place(each)), text
        raise ToolError(f"{path} holds no part with the hash {key} any more; search again")

    # Outline

    def outline(self, path: str = "") -> OutlineAnswer:
        """What a file defines, or what a folder holds; raises ToolError for what is not in memory."""
        if (place := self.packs.place(path)) is not None:
            return self._of_pack(place)
        known = self._known(path, folders=True)
        with self.memory.reading():
            record = self.memory.catalogue.file(known)
            return self._folder(known) if record is None else self._file(record)

    def _of_pack(self, place: PackPlace) -> OutlineAnswer:
        memory = place.memory
        with memory.reading():
            record = memory.catalogue.file(place.path)
            if record is not None:
                found = self._file(record, memory)
                return found.model_copy(update={"notice": f"{found.notice} {place.notice}".strip()})
        names = self.packs.names(place)
        if not names:
            raise ToolError(f"{memory.label} holds no {place.path}; look with `search`")
        children = [
            Child(
                path=name.rstrip("/"),
                start_line=0,
                end_line=0,
                hash="",
                kind="folder" if name.endswith("/") else "file",
            )
            for name in names[:MOST_CHILDREN]
        ]
        more = len(names) - MOST_CHILDREN
        notice = f"{more} more are not shown; outline a folder in it" if more > 0 else ""
        return OutlineAnswer(
            path=place.shown,
            start_line=0,
            end_line=0,
            hash="",
            kind="folder",
            children=children,
            notice=notice,
        )

    def _file(self, record: FileRecord, memory: Memory | None = None) -> OutlineAnswer:
        symbols = (memory or self.memory).catalogue.symbols_of(record.id)
        notice = f"{len(symbols) - MOST_NAMES} more definitions are not shown"
        return OutlineAnswer(
            **file_place(record, memory.label if memory else "").model_dump(),
            kind="file",
            definitions=[name_of(each) for each in symbols[:MOST_NAMES]],
            notice=notice if len(symbols) > MOST_NAMES else "",
        )

    def _folder(self, path: str) -> OutlineAnswer:
        catalogue = self.memory.catalogue
        folders = [
            Child(
                path=each,
                start_line=0,
                end_line=0,
                hash=short(self._folder_key(each)),
                kind="folder",
            )
            for each in catalogue.directories_in(path)
        ]
        files = [
            Child(**file_place(each).model_dump(), kind="file") for each in catalogue.files_in(path)
        ]
        children = [*folders, *files]
        more = len(children) - MOST_CHILDREN
        return OutlineAnswer(
            path=path,
            start_line=0,
            end_line=0,
            hash=short(self._folder_key(path)),
            kind="folder",
            children=children[:MOST_CHILDREN],
            notice=f"{more} more are not shown; outline a folder in it" if more > 0 else "",
        )

    def _folder_key(self, path: str) -> bytes:
        found = self.memory.store.path_key(REPOSITORY, path, directory=True)
        return found[0] if found else b""

    # Status

    def status(self) -> StatusAnswer:
        """How much there is, how fresh it is, and what stays out; raises StoreError when it cannot be read."""
        state = read_state(self.memory.places.root)
        counts, behind = state["catalogue"], state["fresh"]
        reasons = Counter(str(each["reason"]) for each in state["left_out"])
        with self.memory.reading():
            tokens, root = self.memory.tokens, self.memory.root_key
        return StatusAnswer(
            root=state["root"],
            model=self.engine.model_name,
            fresh=not any(behind.values()),
            behind=behind,
            writer=state["writer"] or "",
            files=counts["files"],
            bytes=counts["bytes"],
            chunks=counts["chunks"],
            definitions=counts["symbols"],
            tokens=tokens,
            hash=short(root or b""),
            left_out=[
                LeftOutCount(reason=reason, files=count) for reason, count in reasons.most_common()
            ],
        )

    # Paths

    def _known(self, typed: str, *, folders: bool = False) -> str:
        """The path in memory that is meant; raises ToolError that names what may be meant instead."""
        path = typed.strip().removeprefix("./").strip("/")
        path = "" if path == "." else path
        with self.memory.reading():
            catalogue = self.memory.catalogue
            if catalogue.file(path) is not None:
                return path
            is_folder = not path or bool(catalogue.directories_in(path) or catalogue.files_in(path))
            if is_folder and folders:
                return path
            left_out = {each.path: each.reason for each in catalogue.left_out()}
            raise ToolError(self._absent(path, is_folder, left_out))

    def _absent(self, path: str, is_folder: bool, left_out: Mapping[str, str]) -> str:
        if is_folder:
            return f"{path or 'the root'} is a folder; give a file, or use `outline`"
        if path in left_out:
            return f"{path} is left out of memory: {left_out[path]}"
        name = path.rpartition("/")[2].casefold()
        near = [
            file.path
            for file in self.memory.catalogue.files()
            if name and file.path.rpartition("/")[2].casefold() == name
        ]
        meant = f"; did you mean {', '.join(near[:NEAR])}?" if near else "; look with `search`"
        return NOT_KNOWN.format(path=path[:200]) + meant


def _plain(shown: Shown) -> str:
    """What was rendered for a model of ours, without its special token before each file."""
    bare = shown.text.removeprefix(SEPARATOR)
    return bare if bare == shown.text else f"\n### {bare}"


def _read_answer(
    path: str, data: bytes, lines: Sequence[bytes], first: int, last: int
) -> ReadAnswer:
    room, end = MOST_CHARS, first - 1
    while end < last and (room := room - len(lines[end]) - 1) >= 0:
        end += 1
    end = max(end, min(first, last))
    part = b"\n".join(lines[first - 1 : end])
    if end >= first and (end < len(lines) or data.endswith(b"\n")):
        part += b"\n"
    return ReadAnswer(
        path=path,
        start_line=first if lines else 0,
        end_line=end if lines else 0,
        hash=short(digest(part)),
        text=part[:MOST_CHARS].decode("utf-8", "replace"),
        file_lines=len(lines),
        next_line=end + 1 if end < len(lines) else None,
        notice=""
        if len(part) <= MOST_CHARS
        else f"only the beginning of a line of {len(part):,} bytes",
    )
