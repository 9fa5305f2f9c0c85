"""What is read out of a small source in each language."""

from pathlib import Path

import pytest

from megacontext.memory.chunking import ChunkedFile, Symbol, chunk_file, language_of

SAMPLES = Path(__file__).parent / "samples"

# file -> language, some of its symbols (kind, qualified name, signature, doc), some names used in it
EXPECTED: dict[str, tuple[str, list[tuple[str, str, str, str]], str]] = {
    "app.py": (
        "python",
        [
            ("constant", "LIMIT", "LIMIT = 10", ""),
            ("class", "Flask", "class Flask(Base)", "An application."),
            ("field", "Flask.debug", "debug: bool = False", ""),
            ("method", "Flask.name", "def name(self) -> str", ""),
            (
                "method",
                "Flask.url_for",
                "def url_for(self, endpoint, *, _anchor=None) -> str",
                "Build a URL.",
            ),
            ("function", "Flask.url_for.inner", "def inner()", ""),
            ("function", "index", "async def index(request: Request)", ""),
        ],
        "Base LookupError OrderedDict Request bool collections make os.path property route strip",
    ),
    "app.js": (
        "javascript",
        [
            ("constant", "LIMIT", "const LIMIT = 10", "Largest size."),
            ("class", "Store", "export class Store extends Base", ""),
            ("field", "Store.size", "size = 0", ""),
            ("method", "Store.add", "add(item)", "Adds an item."),
            ("function", "main", "export default function main(argv)", ""),
            ("function", "double", "const double = (x)", ""),
        ],
        "Base Panel Store compute items node:fs path push readFile require",
    ),
    "app.ts": (
        "typescript",
        [
            ("interface", "Point", "export interface Point", "A point."),
            ("method", "Point.move", "move(by: Point): void", ""),
            ("type", "Pair", "type Pair = [Point, Point]", ""),
            ("constant", "Color.Green", "Green = 2", ""),
            ("function", "Deep.inner", "export function inner(): void", ""),
            ("class", "Base", "abstract class Base<T> implements Shape", ""),
            ("field", "Base.count", "private count: number = 0", ""),
            ("method", "Base.area", "abstract area(): number", ""),
        ],
        "./shape Point Shape area",
    ),
    "app.tsx": (
        "tsx",
        [
            (
                "function",
                "Panel",
                "export const Panel = (props: Props): JSX.Element",
                "",
            ),
            ("method", "Widget.render", "render()", ""),
        ],
        "Button Component Panel Props text",
    ),
    "app.go": (
        "go",
        [
            ("constant", "Limit", "Limit = 10", ""),
            ("class", "Server", "type Server struct", "Server serves."),
            ("field", "Server.Name", "Name string", ""),
            ("interface", "Handler", "type Handler interface", ""),
            ("method", "Handler.Serve", "Serve(r Request) error", ""),
            ("method", "Server.Run", "func (s *Server) Run(port int) error", "Run starts it."),
            ("function", "main", "func main()", ""),
        ],
        "Name Println Request fmt helper listen",
    ),
    "app.rs": (
        "rust",
        [
            ("constant", "LIMIT", "const LIMIT: usize = 10", ""),
            ("class", "Point", "pub struct Point", "A point in space."),
            ("constant", "Color.Red", "Red", ""),
            ("interface", "Shape", "trait Shape", ""),
            ("method", "Point.area", "fn area(&self) -> f64", ""),
            ("function", "deep.inner", "pub fn inner()", ""),
            ("macro", "square", "macro_rules! square", ""),
        ],
        "HashMap Shape abs helper println",
    ),
    "App.java": (
        "java",
        [
            ("class", "App", "public class App extends Base", "An application."),
            ("field", "App.LIMIT", "static final int LIMIT = 10", ""),
            ("constant", "App.Color.RED", "RED", ""),
            ("method", "App.App", "App(int size)", ""),
            ("method", "App.names", "public List<String> names(Query query)", ""),
            ("interface", "Shape", "interface Shape", ""),
        ],
        "Base Entity List Query java.util.List run",
    ),
    "app.c": (
        "c",
        [
            ("macro", "SQUARE", "#define SQUARE(x)", ""),
            ("class", "point", "struct point", ""),
            ("field", "point.label", "char *label", ""),
            ("type", "Pair", "typedef struct { int y; } Pair", ""),
            ("constant", "color.RED", "RED", ""),
            ("variable", "total", "int total = 0", ""),
            ("function", "declared", "int declared(int a)", ""),
            (
                "function",
                "add",
                "static int *add(struct point *p, Pair q)",
                "Adds two numbers.",
            ),
        ],
        "Pair compute stdio.h x y",
    ),
    "app.cpp": (
        "cpp",
        [
            ("module", "geo", "namespace geo", ""),
            ("class", "geo.Point", "template <typename T> class Point : public Base", "A point."),
            ("method", "geo.Point.~Point", "~Point()", ""),
            ("method", "geo.Point.length", "T length() const", ""),
            ("field", "geo.Point.x_", "T x_", ""),
            ("method", "geo.Shape.area", "double geo::Shape::area(int n)", ""),
        ],
        "Base get sqrt vector",
    ),
    "App.cs": (
        "c-sharp",
        [
            ("module", "Demo", "namespace Demo", ""),
            ("class", "Demo.App", "public class App : Base", "An application."),
            ("field", "Demo.App.count", "private int count = 0", ""),
            ("field", "Demo.App.Name", "public string Name", ""),
            ("method", "Demo.App.Run", "public Result Run(Query query)", ""),
            ("constant", "Demo.Color.Red", "Red", ""),
        ],
        "Base Execute Helper Query Result Serializable System.Linq",
    ),
    "app.rb": (
        "ruby",
        [
            ("module", "Demo", "module Demo", ""),
            ("constant", "Demo.LIMIT", "LIMIT = 10", ""),
            ("class", "Demo.App", "class App < Base", "An application."),
            ("method", "Demo.App.run", "def run(query, limit: 3)", "Runs it."),
            ("method", "Demo.App.build", "def self.build", ""),
        ],
        "Base execute helper json",
    ),
    "app.php": (
        "php",
        [
            ("constant", "LIMIT", "const LIMIT = 10", ""),
            ("class", "App", "class App extends Base implements Shape", "An application."),
            ("field", "App.count", "private int $count = 0", ""),
            ("method", "App.run", "public function run(Query $query): string", ""),
            ("interface", "Shape", "interface Shape", ""),
            ("function", "main", "function main(array $argv)", ""),
        ],
        "App Base Item Query Vendor\\Package\\Model build execute helper",
    ),
    "run.sh": (
        "bash",
        [
            ("constant", "LIMIT", "LIMIT=10", ""),
            ("function", "build", "build()", "Builds everything."),
            ("function", "clean", "function clean", ""),
        ],
        "LIMIT build compile lib/common.sh",
    ),
    "package.json": ("json", [("key", "scripts", '"scripts": {"test": "run"}', "")], ""),
    "index.html": (
        "html",
        [
            ("heading", "Welcome", "<h1>Welcome</h1>", ""),
            ("key", "main", '<div id="main" class="wide dark">', ""),
        ],
        "app.js dark wide",
    ),
    "app.css": (
        "css",
        [
            ("variable", ":root.--accent", "--accent: red", ""),
            ("selector", ".button, a:hover", ".button, a:hover", ""),
            ("selector", "spin", "@keyframes spin", ""),
        ],
        "--accent var",
    ),
    "README.md": (
        "markdown",
        [
            ("heading", "Guide", "Guide", "Start with `Store.open()`."),
            ("heading", "Guide.Install", "Install", "no heading"),
            ("heading", "Usage", "Usage", "Text."),
        ],
        "Store.open",
    ),
    "guide.rst": (
        "rst",
        [
            ("heading", "Guide", "Guide", "Text."),
            ("heading", "Guide.Install", "Install", "More ``text``."),
        ],
        "text",
    ),
    "notes.txt": ("text", [], ""),
}


def chunk_sample(name: str) -> ChunkedFile:
    return chunk_file(name, (SAMPLES / f"{name}.sample").read_bytes())


def facts(symbol: Symbol) -> tuple[str, str, str, str]:
    return symbol.kind, symbol.qualified, symbol.signature, symbol.doc


@pytest.mark.parametrize("name", EXPECTED)
def test_symbols_and_references_of_each_language(name: str) -> None:
    language, symbols, references = EXPECTED[name]
    chunked = chunk_sample(name)
    assert chunked.language == language
    assert not chunked.broken
    found = [facts(symbol) for symbol in chunked.symbols]
    assert [symbol for symbol in symbols if symbol not in found] == []
    used = {name for names in chunked.references for name in names}
    assert set(references.split()) - used == set()


def test_every_sample_is_expected() -> None:
    assert {path.name.removesuffix(".sample") for path in SAMPLES.iterdir()} == set(EXPECTED)


def test_a_markdown_fence_holds_no_heading() -> None:
    names = [symbol.name for symbol in chunk_sample("README.md").symbols]
    assert names == ["Guide", "Install", "Usage"]


def test_ranges_include_decorators_and_lines_are_those_of_the_name() -> None:
    data = (SAMPLES / "app.py.sample").read_bytes()
    by_name = {symbol.qualified: symbol for symbol in chunk_sample("app.py").symbols}
    index = by_name["index"]
    assert data[index.start : index.end].startswith(b'@route("/")\nasync def index')
    assert data.splitlines()[index.line - 1].startswith(b"async def index")


@pytest.mark.parametrize(
    ("path", "data", "language"),
    [
        ("a/B.PY", b"", "python"),
        ("Rakefile", b"", "ruby"),
        ("tool", b"#!/usr/bin/env python3\n", "python"),
        ("tool", b"#!/bin/sh -e\n", "bash"),
        ("tool", b"#!/usr/bin/env -S node --flag\n", "javascript"),
        ("tool", b"hello", "text"),
        ("a.h", b"int f(void);\n", "c"),
        ("a.h", b"#pragma once\nnamespace a {}\n", "cpp"),
        ("x.unknown", b"#!/bin/sh", "text"),
        (".gitignore", b"", "text"),
        ("", b"", "text"),
    ],
)
def test_language_by_name_extension_or_interpreter(path: str, data: bytes, language: str) -> None:
    assert language_of(path, data) == language
