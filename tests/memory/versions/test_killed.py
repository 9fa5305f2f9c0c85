"""A process that is killed while it saves: every snapshot that it had told of is whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.snapshots import Snapshots
from megacontext.memory.versions.trees import Trees

SAVING = """
import sys
from pathlib import Path
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.snapshots import Snapshots
from megacontext.memory.versions.trees import Trees

objects = Objects(Path(sys.argv[1]))
snapshots, trees = Snapshots(objects), Trees(objects)
for number in range(10_000):
    with objects.writing():
        files = {}
        for name in range(40):
            data = f"{name} {number * (name % 7)}".encode()
            files[f"d{name % 3}/f{name}"] = objects.put_file(data, [len(data)])
        saved = snapshots.save(trees.write(files), str(number))
    print(saved.id, flush=True)
"""


@pytest.mark.parametrize("count", [1, 2, 5, 17, 40])
def test_what_was_told_of_is_whole(tmp_path: Path, count: int) -> None:
    path = tmp_path / "versions.db"
    with subprocess.Popen(
        [sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(count)]
        child.send_signal(signal.SIGKILL)
        child.wait()
    objects = Objects(path)
    snapshots = Snapshots(objects)
    assert objects.check() == []
    assert set(told) <= {each.id for each in snapshots.all()}
    assert snapshots.head == snapshots.lines()["main"] == snapshots.all()[0].id
    for each in snapshots.all():
        assert sum(1 for _ in Trees(objects).files(bytes.fromhex(each.root))) == 40
    objects.close()
