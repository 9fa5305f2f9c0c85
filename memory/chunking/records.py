"""What the chunker says about a file: chunks, symbols and references. Knows no parser and no storage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition. `start` and `end` are bytes and include decorators and an `export` around it."""

    name: str
    kind: str
    """class, function, method, constant, variable, module, type, interface, field, macro,
    heading, selector or key."""
    start: int
    end: int
    line: int
    """The line of the name, from 1."""
    scope: str
    """Dotted names of the enclosing definitions, "" at the top level."""
    signature: str
    """The header on one line."""
    doc: str
    """First line of the docstring or of the comment directly above; "" if there is none."""

    @property
    def qualified(self) -> str:
        """The name with its scope: `Flask.url_for`."""
        return f"{self.scope}.{self.name}" if self.scope else self.name


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. The chunks of a file tile its bytes in order; none is empty."""

    start: int
    end: int
    start_line: int
    end_line: int
    """First and last line touched, from 1, both included."""
    kind: str
    """The kind of its main definition, or imports, block, section, text or data."""
    symbol: str
    """Qualified name of its main definition, or of the definition it is a part of; "" if none."""
    outline: str
    """Signatures and first doc lines of its definitions; for text its heading or first line."""
    digest: bytes
    """blake2b of its bytes, 16 bytes long."""


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """Everything the chunker says about one file."""

    language: str
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...]
    references: tuple[tuple[str, ...], ...]
    """For each chunk the names used in it, sorted: calls, attributes, types, imports."""
    broken: bool
    """The grammar reported errors."""
