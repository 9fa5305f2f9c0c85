"""Equal questions have equal working contexts, whatever order this process gives to sets."""

import os
import subprocess
import sys

from tests.memory.workbench import write_files

CODE = """
import sys
from pathlib import Path
from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery
workplace = Workplace.at(Path(sys.argv[1]), {"model.name": sys.argv[2]})
with workplace.open_memory(write=True) as memory:
    engine = Engine(workplace, memory)
    engine.refresh()
    for budget in (4000, 500, 1200, 300):
        query = FocusQuery("how is a value returned by some part", budget=budget)
        focused, rendering = engine.focus_and_read(query)
        print(rendering.text, [entry.reasons for entry in focused.entries])
"""


def test_the_order_of_sets_does_not_matter(repository, model_folder):
    same = "def part(value):\n    return value\n\n\nclass Other{}:\n    pass\n"
    write_files(repository, {f"part{n}.py": same.format(n) * 3 for n in range(20)})
    command = [sys.executable, "-c", CODE, str(repository), str(model_folder)]
    said = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "def part" in said[0]
