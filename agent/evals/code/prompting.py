"""What a model is asked for a function, and which program its answer makes. Knows no model."""

import ast
import re

from megacontext.models.base import Chat, Message

from .problems import Problem
from .sandbox.calling import Program

_FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_OPEN = re.compile(r"^[ \t]*```[^\n]*\n(.*)\Z", re.DOTALL | re.MULTILINE)
_ASKED = """\
Write the Python function `{entry}`, as described here. Answer with one code block that holds the whole function and \
what it needs, and nothing else.

```python
{prompt}
```"""


def asked(problem: Problem) -> Chat:
    """The question to a model that chats."""
    return Chat((Message("user", question(problem)),))


def question(problem: Problem) -> str:
    """What a model that chats is asked."""
    return _ASKED.format(entry=problem.entry, prompt=problem.prompt.strip("\n"))


def answered(problem: Problem, answer: str) -> Program:
    """The program in an answer: its code block with the function, or the whole answer where there is none.

    What stands before the function in the prompt, imports and helpers, stands before the answer too. Code without
    that function goes on from the prompt.
    """
    code = _code(answer, problem.entry)
    if not re.search(rf"^(?:async )?def {re.escape(problem.entry)}\b", code, re.MULTILINE):
        return problem.program(code)
    return Program(f"{before(problem)}\n{code}\n", problem.entry)


def before(problem: Problem) -> str:
    """The part of the prompt before the function itself."""
    try:
        body = ast.parse(problem.prompt).body
    except SyntaxError:
        return ""
    at = next(
        (
            node.lineno
            for node in body
            if isinstance(node, ast.FunctionDef) and node.name == problem.entry
        ),
        None,
    )
    lines = problem.prompt.splitlines(keepends=True)
    return "".join(lines if at is None else lines[: at - 1])


def _code(answer: str, entry: str) -> str:
    blocks: list[str] = _FENCED.findall(answer) or _OPEN.findall(answer)
    if not blocks:
        return answer
    return next((block for block in blocks if f"def {entry}" in block), max(blocks, key=len))
