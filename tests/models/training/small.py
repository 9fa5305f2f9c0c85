"""Small packages, wheels and networks to test training with."""

import zipfile
from pathlib import Path
from typing import Any

SHAPE = {"hidden_size": 32, "layers": 2, "heads": 2, "kv_heads": 1, "intermediate_size": 48}


def module(name: str, functions: int, imports: str = "") -> str:
    body = "\n\n".join(
        f"def {name}_{i}(first, second):\n    {name}_total = first * {i} + second\n    return {name}_total"
        for i in range(functions)
    )
    return f'"""The {name} module of the example."""\n{imports}\n\n{body}\n'


def write_wheel(folder: Path, name: str, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
    return path


def package(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "licence": "MIT", **more}
