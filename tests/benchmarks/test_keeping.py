"""Figures that stay: merged part by part, and the page that is made of them."""

from pathlib import Path
from typing import Any

from tests.benchmarks.bars import Bar
from tests.benchmarks.keeping import keep, merged, read, write_page
from tests.benchmarks.report import GROWTH_IMAGE

MACHINE = {
    "date": "2026-01-01T00:00:00",
    "processor": "a processor",
    "cores": 2,
    "memory_gb": 8,
    "system": "Linux",
    **dict.fromkeys(("python", "sqlite", "tokenizers", "tree-sitter", "torch"), "1"),
}


def run(commit: str, *results: dict[str, Any], quick: bool = False) -> dict[str, Any]:
    return {"machine": {**MACHINE, "commit": commit}, "quick": quick, "results": [*results]}


def result(name: str, *bars: Bar) -> dict[str, Any]:
    rows = [bar.as_json() for bar in bars]
    return {"name": name, "load": [0.1, 0.2], "seconds": 3.0, "bars": rows}


def test_the_last_figures_of_a_part_replace_those_before_and_the_others_stay() -> None:
    old = run("old", result("edit", Bar("a", 1.0)), result("index", Bar("b", 1.0)))
    new = run("new", result("edit", Bar("a", 2.0)))
    found = merged([old, new], ["index", "edit"])
    assert [(each["name"], each["commit"], each["day"]) for each in found["results"]] == [
        ("index", "old", "2026-01-01"),
        ("edit", "new", "2026-01-01"),
    ]
    assert merged([found, run("later")], ["index", "edit"])["results"] == found["results"]


def test_what_is_kept_is_read_again_and_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    keep(run("c", result("edit", Bar("a", None, note="why"))), tmp_path / "deep" / "kept.json")
    found = read([tmp_path / "none.json", tmp_path / "deep" / "kept.json"])
    assert [each["results"][0]["bars"][0]["measured"] for each in found] == [None]


def test_the_page_has_every_bar_first_then_the_parts_and_the_picture(tmp_path: Path) -> None:
    points = [Bar("index", 1.0, "s", at=1e5), Bar("index", 9.0, "s", at=1e6)]
    levels = [Bar("L0", 3.9, "bytes a token", at=1e5), Bar("L0", 3.8, "bytes a token", at=1e6)]
    tools = [Bar("a question", 2.0, "ms", of="ours"), Bar("a question", 1.0, "ms", of="theirs")]
    kept = run(
        "c",
        result("lsp", Bar("hover, p50", 12.0, "ms", at_most=20, note="over 3")),
        result("growth", *points, *levels),
        result("rivals", *tools),
    )
    write_page(kept, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    places = [page.index(part) for part in ("## Every bar", "## The language server", "## How it")]
    assert places == sorted(places)
    assert page.count("| hover, p50 | ≤ 20 ms | 12 ms | 0.60 | met |") == 2
    assert "| index | 1 s | 9 s | tokens^0.95 |" in page
    assert "| L0 | 3.90 | 3.80 |" in page
    assert "| a question | 2 ms | **1 ms** | theirs |" in page
    assert (tmp_path / GROWTH_IMAGE).exists()


def test_rough_figures_meet_no_bar(tmp_path: Path) -> None:
    rough = run("c", result("lsp", Bar("hover, p50", 12.0, "ms", at_most=20)), quick=True)
    write_page(rough, tmp_path / "page.md")
    head = (tmp_path / "page.md").read_text().partition("## The language server")[0]
    assert "| hover, p50 | ≤ 20 ms | – |  | **not measured** |" in head
