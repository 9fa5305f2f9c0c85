"""What one pass of ingest did, and how far it is. Plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long pass is."""

    stage: str
    """"files" (read, chunked, tokenized), "gists", or in words what else takes long."""
    done: int
    total: int


OnProgress = Callable[[Progress], None]


@dataclass
class IngestReport:
    """What one pass changed."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Path to reason, of the files this pass looked at."""
    checked: int = 0
    """Files whose bytes were read."""
    tokenized: int = 0
    """Tokens of chunks that were not known before."""
    seconds: float = 0.0

    @property
    def touched(self) -> int:
        """Files whose memory is different now."""
        return len(self.added) + len(self.changed) + len(self.removed)
