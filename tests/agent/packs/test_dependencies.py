"""What a project depends on, from the files that say it; and which packs fit."""

import json

import pytest

from megacontext.agent.packs.dependencies import dependencies
from megacontext.agent.packs.suggesting import suggestions
from megacontext.agent.packs.versions import is_older, refuse_older
from megacontext.configs.errors import PackRefusedError
from megacontext.memory.packs.mounts import Mount
from tests.memory.workbench import write_files

PROJECT = """
[project]
name = "demo"
dependencies = ["Textual>=8", "rich==15.0.0", "pick_le[all] ~= 1.0 ; python_version > '3'", 7]
[project.optional-dependencies]
x = ["pygls"]
[dependency-groups]
dev = ["pytest==9.2.0", {include-group = "x"}]
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^0.28"
[tool.poetry.group.docs.dependencies]
mkdocs = "*"
"""


def found(root):
    return {each.name: (each.version, each.version_from) for each in dependencies(root)}


def test_names_come_from_the_project_and_versions_from_the_lock(tmp_path):
    lock = '[[package]]\nname = "textual"\nversion = "8.2.8"\n[[package]]\nname = "deep"\nversion = "1"\n'
    write_files(tmp_path, {"pyproject.toml": PROJECT, "uv.lock": lock})
    assert found(tmp_path) == {
        "textual": ("8.2.8", "uv.lock"),
        "rich": ("15.0.0", "pyproject.toml"),
        "pick-le": ("", ""),
        "pygls": ("", ""),
        "pytest": ("9.2.0", "pyproject.toml"),
        "httpx": ("", ""),
        "mkdocs": ("", ""),
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("poetry.lock", '[[package]]\nname = "Textual"\nversion = "8.0.0"\n'),
        ("pdm.lock", '[[package]]\nname = "textual"\nversion = "8.0.0"\n'),
        ("Pipfile.lock", json.dumps({"default": {"textual": {"version": "==8.0.0"}}})),
        ("constraints.txt", "textual==8.0.0\n"),
        (
            "requirements-dev.txt",
            "-r other.txt\n--hash=x\ntextual[syntax]==8.0.0 \\\n  --hash=sha256:0\n",
        ),
        ("requirements/base.txt", "textual == 8.0.0  # the app\n"),
    ],
)
def test_every_kind_of_lock_is_read(tmp_path, name, text):
    write_files(tmp_path, {"requirements.txt": "textual>=8\n", name: text})
    version, where = found(tmp_path)["textual"]
    assert version == "8.0.0"
    assert where in (name, name.rpartition("/")[2])


def test_without_a_lock_the_projects_own_environment_says(tmp_path):
    write_files(
        tmp_path,
        {
            "requirements.txt": "torch\n",
            ".venv/lib/python3.12/site-packages/torch-2.13.0+cpu.dist-info/METADATA": "",
        },
    )
    assert found(tmp_path) == {"torch": ("2.13.0", ".venv")}


def test_packages_of_node(tmp_path):
    lock = {
        "packages": {
            "": {"version": "1"},
            "node_modules/react": {"version": "18.2.0"},
            "node_modules/a/node_modules/react": {"version": "1.0.0"},
            "node_modules/@types/node": {"version": "20.1.0"},
        }
    }
    project = {"dependencies": {"react": "^18"}, "devDependencies": {"@types/node": "*"}}
    files = {"package.json": json.dumps(project), "package-lock.json": json.dumps(lock)}
    write_files(tmp_path, files)
    assert found(tmp_path) == {
        "react": ("18.2.0", "package-lock.json"),
        "@types/node": ("20.1.0", "package-lock.json"),
    }
    assert all(each.origin == "" for each in dependencies(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "[", "\0", "[project]\ndependencies = 3", '{"packages": [1]}', "[[[[" * 500]
)
def test_files_that_are_damaged_name_nothing(tmp_path, text):
    names = (
        "pyproject.toml",
        "uv.lock",
        "Pipfile",
        "package.json",
        "package-lock.json",
        "Pipfile.lock",
    )
    write_files(tmp_path, dict.fromkeys(names, text))
    assert dependencies(tmp_path) == []


def test_suggestions_hold_dependencies_against_what_is_there(tmp_path):
    write_files(tmp_path, {"requirements.txt": "a==1.0\nb==1.0\nc==1.0\nd\n"})
    mounts = [Mount("0" * 32, "a", "1.0+cpu", ""), Mount("1" * 32, "B", "0.9", "")]
    states = {
        each.dependency.name: (each.state, each.advice)
        for each in suggestions(dependencies(tmp_path), mounts, [])
    }
    assert states["a"] == ("mounted", "")
    assert states["b"] == ("other version", "megacontext pack update")
    assert states["c"] == ("to build", "megacontext pack build pypi:c==1.0")
    assert states["d"][0] == "no version"


def test_an_older_pack_does_not_take_the_place_of_a_newer_one():
    assert is_older("1.9", "1.10")
    assert not is_older("1.10", "1.9")
    assert not is_older("abc", "1.0")
    newer = Mount("0" * 32, "demo", "2.0", "")
    with pytest.raises(PackRefusedError, match="--older"):
        refuse_older(Mount("1" * 32, "demo", "1.0", ""), [newer])
    refuse_older(Mount("1" * 32, "other", "1.0", ""), [newer])
