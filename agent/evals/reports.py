"""A report on disk: a page of Markdown, its plots as PNG and its figures as JSON, side by side.

Knows no model and no measure.
"""

import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ModelError, SettingsError
from megacontext.models.choosing.machine import probe_machine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from megacontext.models.evaluation.bootstrap import Interval

CPU_INFO = Path("/proc/cpuinfo")
DOTS_PER_INCH = 120


@dataclass(frozen=True)
class Report:
    """Everything that is written; images by the last part of their name, such as "cgr"."""

    stem: str
    """Of all its files: `gist_2026-01-31`."""
    text: str
    """Markdown; its images are named by `image_name`."""
    figures: Mapping[str, Any]
    images: Mapping[str, "Figure"] = field(default_factory=dict)


def report_stem(kind: str, day: date, label: str = "") -> str:
    """The name of a report's files without their endings."""
    return "_".join(filter(None, (kind, day.isoformat(), label)))


def image_name(stem: str, name: str) -> str:
    """The file of one image of a report."""
    return f"{stem}_{name}.png"


def prepare_report(folder: Path) -> None:
    """Make the folder, and see that plots can be drawn: before hours of measuring, not after.

    Raises ModelError without matplotlib, SettingsError where nothing can be written.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as exc:
        raise ModelError(
            "plots need matplotlib, which is not installed; run: pip install 'megacontext[eval]'"
        ) from exc
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_report(folder: Path, report: Report) -> Path:
    """Write all files into a folder; return the page. Raises as `prepare_report` does."""
    prepare_report(folder)
    page = folder / f"{report.stem}.md"
    with _writing(folder):
        for name, image in report.images.items():
            image.savefig(folder / image_name(report.stem, name), dpi=DOTS_PER_INCH)
        figures = json.dumps(plain(report.figures), indent=1, ensure_ascii=False)
        (folder / f"{report.stem}.json").write_text(figures + "\n", encoding="utf-8")
        page.write_text(report.text, encoding="utf-8")
    return page


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise SettingsError(
            f"the report cannot be written into {folder} ({exc.strerror}); give another --out"
        ) from exc


def blank_figure(columns: int, width: float = 10.0, height: float = 4.0) -> "Figure":
    """A figure with `columns` plots side by side, drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.subplots(1, columns, squeeze=False)
    return figure


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def plain(data: Any) -> Any:
    """Data as JSON knows it: keys are text, intervals lists, and what is no number null."""
    match data:
        case Mapping():
            return {str(key): plain(value) for key, value in data.items()}
        case list() | tuple():
            return [plain(each) for each in data]
        case float():
            return data if math.isfinite(data) else None
    return data


def percent(interval: "Interval", digits: int = 1) -> str:
    """`12.3 [11.0, 13.6]` in percent."""
    low, mid, high = (f"{100 * each:.{digits}f}" for each in interval)
    return f"{mid} [{low}, {high}]"


def machine() -> dict[str, Any]:
    """Where a report was measured."""
    found = probe_machine()
    return {
        "processor": _processor(),
        "processors": found.processors,
        "memory_gb": round(found.memory / 1e9, 1),
        "gpu": found.accelerator.name if found.accelerator else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _processor() -> str:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
