"""Bytes of files in, facts and rows out: a pure function of the bytes, however the edits came."""

from .ingest import Ingest
from .report import IngestReport, Progress

__all__ = ["Ingest", "IngestReport", "Progress"]
