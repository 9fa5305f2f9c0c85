"""The tables of a pack as Parquet: a fixed schema each, no page compressed, no value by reference.

The archive around them compresses. So what a table unpacks to is bounded by its size, and a table that was made
otherwise is refused before a page of it is read. Loads pyarrow where it is used. Knows no catalogue and no archive.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from megacontext.configs.errors import PackError, PackRefusedError

NEEDS = (
    "building and adding packs needs the `pyarrow` package; run: pip install 'megacontext[packs]'"
)
MAX_ROWS = 50_000_000
SCHEMAS: dict[str, tuple[tuple[str, str], ...]] = {
    "files": (
        ("path", "string"),
        ("digest", "key"),
        ("size", "int64"),
        ("mtime_ns", "int64"),
        ("language", "string"),
        ("lines", "int64"),
        ("broken", "bool"),
        ("trust", "float64"),
    ),
    "chunks": (
        ("file", "int64"),
        ("start", "int64"),
        ("end", "int64"),
        ("start_line", "int64"),
        ("end_line", "int64"),
        ("kind", "string"),
        ("symbol", "string"),
        ("outline", "string"),
        ("digest", "key"),
        ("references", "string"),
    ),
    "symbols": (
        ("file", "int64"),
        ("name", "string"),
        ("kind", "string"),
        ("start", "int64"),
        ("end", "int64"),
        ("line", "int64"),
        ("scope", "string"),
        ("signature", "string"),
        ("doc", "string"),
    ),
    "tokens": (("digest", "key"), ("tokens", "int64")),
}
"""Columns of each table. `file` counts rows of files; `tokens` has a row for each different chunk in the order in which
they first come."""

Row = tuple[Any, ...]


def write_table(name: str, rows: Sequence[Row], path: Path) -> None:
    """Write a table to a file; equal rows give equal bytes."""
    arrow, parquet = _pyarrow()
    schema = _schema(name)
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [
        arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)
    ]
    table = arrow.Table.from_arrays(arrays, schema=schema)
    parquet.write_table(
        table,
        path,
        compression="NONE",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )


def read_table(name: str, data: bytes) -> list[Row]:
    """The rows of a table; raises PackRefusedError when it is not made as `write_table` makes it."""
    arrow, parquet = _pyarrow()
    try:
        file = parquet.ParquetFile(arrow.BufferReader(data))
        _check_form(name, file.metadata)
        if file.schema_arrow != _schema(name):
            raise PackRefusedError(f"its table of {name} has other columns than this format's")
        table = file.read(use_threads=False)
        table.validate(full=True)
        if any(column.null_count for column in table.columns):
            raise PackRefusedError(f"its table of {name} leaves something out")
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as exc:
        raise PackRefusedError(f"its table of {name} cannot be read: {str(exc)[:200]}") from exc


def _check_form(name: str, metadata: Any) -> None:
    if metadata.num_rows > MAX_ROWS:
        raise PackRefusedError(f"its table of {name} has {metadata.num_rows:,} rows")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            plain = set(column.encodings) <= {"PLAIN", "RLE"} and not column.has_dictionary_page
            if column.compression != "UNCOMPRESSED" or not plain:
                raise PackRefusedError(
                    f"its table of {name} is packed in a way that hides its size: a bomb, or made by another program"
                )


def _schema(name: str) -> Any:
    arrow, _ = _pyarrow()
    types = {
        "string": arrow.string(),
        "int64": arrow.int64(),
        "float64": arrow.float64(),
        "bool": arrow.bool_(),
        "key": arrow.binary(16),
    }
    return arrow.schema(
        [arrow.field(column, types[kind], nullable=False) for column, kind in SCHEMAS[name]]
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise PackError(NEEDS) from exc
    return pyarrow, pyarrow.parquet
