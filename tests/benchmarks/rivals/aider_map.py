"""aider's own repository map for a message, as its coder makes it.

It runs in aider's environment and imports nothing of ours.
`python aider_map.py ROOT TOKENIZER BUDGET`: questions and answers as `answering.py` has them. Tokens are counted by the
tokenizer that all tools are measured with. The map may pass its budget by 15 %, which aider allows itself.
"""

import json
import os
import sys


def main(root: str, tokenizer_file: str, budget: str) -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    coder = _coder(root, tokenizer_file, int(budget))
    for line in sys.stdin:
        question = json.loads(line)["question"]
        text = _map(coder, question) if question is not None else ""
        out.write(json.dumps({"text": text, "lines": lines_of(text)}) + "\n")
        out.flush()


def _coder(root: str, tokenizer_file: str, budget: int):
    os.chdir(root)
    from aider.coders import Coder
    from aider.io import InputOutput
    from aider.models import Model
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_file)
    model = Model("gpt-4o")  # never asked; it only has to have a name
    model.token_count = lambda text: len(tokenizer.encode(str(text)).ids)
    quiet = InputOutput(pretty=False, yes=True, fancy_input=False)
    # Without files in the chat aider takes 8 times what is set; here what is set is what it takes.
    return Coder.create(
        main_model=model,
        io=quiet,
        map_tokens=budget,
        map_mul_no_files=1,
        suggest_shell_commands=False,
    )


def _map(coder, question: str) -> str:
    coder.cur_messages = [{"role": "user", "content": question}]
    whole = coder.get_repo_map() or ""
    prefix = coder.gpt_prompts.repo_content_prefix.format(other="")
    return whole.removeprefix(prefix)


def lines_of(text: str) -> dict[str, list[str]]:
    """The lines of code that a map shows, by file: they stand behind a bar, below the name of their file."""
    found: dict[str, list[str]] = {}
    path = ""
    for line in text.splitlines():
        if line.startswith("│"):
            found.setdefault(path, []).append(line[1:])
        elif line.endswith(":"):
            path = line[:-1]
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
