"""Packages for Node that tests drive our servers with, fetched once into the checkout's own cache."""

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

CACHE = Path(__file__).parents[1] / ".cache"
INSTALL_S = 100


def fetched(scene: Path, name: str, package: str) -> Path:
    """A folder of the cache with the files of `scene` and the packages it pins, `package` among them.

    The test is skipped where there is no Node or the packages cannot be had.
    """
    folder = CACHE / name
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no Node")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        for file in ("package.json", "package-lock.json", "scene.mjs"):
            shutil.copy(scene / file, folder / file)
        if not (folder / "node_modules" / package).is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, timeout=INSTALL_S, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip("npm takes too long")
            if done.returncode:
                pytest.skip(f"npm cannot fetch {package}")
    return folder
