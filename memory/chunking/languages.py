"""Which language a file is in, and the grammar for it. Knows no chunks.

Grammars load on first use and stay for the life of the process.
"""

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from tree_sitter import Language, Parser, Query, Tree

# language -> wheel, function of the wheel, query files
_GRAMMARS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "python": ("tree_sitter_python", "language", ("python",)),
    "javascript": ("tree_sitter_javascript", "language", ("javascript", "ecmascript", "jsx")),
    "typescript": (
        "tree_sitter_typescript",
        "language_typescript",
        ("javascript", "typescript"),
    ),
    "tsx": ("tree_sitter_typescript", "language_tsx", ("javascript", "typescript", "jsx")),
    "go": ("tree_sitter_go", "language", ("go",)),
    "rust": ("tree_sitter_rust", "language", ("rust",)),
    "java": ("tree_sitter_java", "language", ("java",)),
    "c": ("tree_sitter_c", "language", ("c",)),
    "cpp": ("tree_sitter_cpp", "language", ("c", "cpp")),
    "c-sharp": ("tree_sitter_c_sharp", "language", ("c-sharp",)),
    "ruby": ("tree_sitter_ruby", "language", ("ruby",)),
    "php": ("tree_sitter_php", "language_php", ("php",)),
    "bash": ("tree_sitter_bash", "language", ("bash",)),
    "json": ("tree_sitter_json", "language", ("json",)),
    "html": ("tree_sitter_html", "language", ("html",)),
    "css": ("tree_sitter_css", "language", ("css",)),
}

_EXTENSIONS: dict[str, str] = {
    extension: language
    for language, extensions in {
        "python": "py pyi pyw pyx",
        "javascript": "js jsx mjs cjs",
        "typescript": "ts mts cts",
        "tsx": "tsx",
        "go": "go",
        "rust": "rs",
        "java": "java",
        "c": "c h",
        "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl cu cuh ino",
        "c-sharp": "cs csx",
        "ruby": "rb rake gemspec ru",
        "php": "php phtml php5 php7 php8",
        "bash": "sh bash zsh ksh bats",
        "json": "json jsonc json5 geojson webmanifest ipynb",
        "html": "html htm xhtml",
        "css": "css",
        "markdown": "md markdown mdx mkd",
        "rst": "rst rest",
        "yaml": "yaml yml",
        "toml": "toml",
        "sql": "sql",
    }.items()
    for extension in extensions.split()
}

_NAMES = {
    "gemfile": "ruby",
    "rakefile": "ruby",
    "vagrantfile": "ruby",
    ".bashrc": "bash",
    ".profile": "bash",
    ".zshrc": "bash",
    "pkgbuild": "bash",
    "sconstruct": "python",
    "composer.lock": "json",
    "pipfile": "toml",
}

_INTERPRETERS = {
    b"python": "python",
    b"node": "javascript",
    b"deno": "typescript",
    b"bun": "typescript",
    b"ruby": "ruby",
    b"php": "php",
    b"bash": "bash",
    b"sh": "bash",
    b"zsh": "bash",
    b"dash": "bash",
    b"ksh": "bash",
}

_NARROW = frozenset({"bash"})
"""The scanner of this grammar (tree-sitter-bash 0.25) hands wide characters to C's isalpha, which looks them up
behind the end of its table and so may end the process: `{` before a character of a high plane is enough."""
_AS_ASCII = bytes(value if value < 0x80 else ord("_") for value in range(256))

_CPP_MARKS = (b"\nclass ", b"\nnamespace ", b"\ntemplate", b"\nusing ", b"public:", b"std::")


@dataclass(frozen=True, slots=True)
class Grammar:
    """A parser with the tags query of its language. Shared: the parser works under the GIL."""

    parser: Parser
    query: Query
    ascii_only: bool = False

    def parse(self, data: bytes) -> Tree:
        """The syntax tree of `data`, with byte offsets in it."""
        return self.parser.parse(data.translate(_AS_ASCII) if self.ascii_only else data)


def language_of(path: str, data: bytes) -> str:
    """The language by file name, then extension, then `#!` line; "text" for anything else."""
    name = PurePosixPath(path).name.lower()
    if name in _NAMES:
        return _NAMES[name]
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        language = _EXTENSIONS.get(extension, "text")
        if extension == "h" and any(mark in data for mark in _CPP_MARKS):
            return "cpp"
        return language
    return _by_interpreter(data)


def _by_interpreter(data: bytes) -> str:
    if not data.startswith(b"#!"):
        return "text"
    words = data[2:200].split(b"\n", 1)[0].replace(b"/", b" ").split()
    programs = [word.rstrip(b"0123456789.") for word in words if word not in (b"env", b"-S")]
    return next((_INTERPRETERS[word] for word in programs if word in _INTERPRETERS), "text")


@cache
def grammar_of(language: str) -> Grammar | None:
    """The grammar of a language, loaded once; None where there is none."""
    if language not in _GRAMMARS:
        return None
    module, function, queries = _GRAMMARS[language]
    grammar = Language(getattr(importlib.import_module(module), function)())
    folder = files(__package__) / "queries"
    source = "\n".join((folder / f"{name}.scm").read_text("utf-8") for name in queries)
    return Grammar(Parser(grammar), Query(grammar, source), language in _NARROW)
