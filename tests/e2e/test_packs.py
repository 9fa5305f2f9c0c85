"""Knowledge packs from the command line: built, added, focused, suggested, swapped, removed."""

import pytest

from tests.memory.workbench import commit_all, git, write_files

HARBOUR = {
    "pyproject.toml": '[project]\nname = "harbour"\nversion = "1.0"\nlicense = "MIT"\n',
    "harbour/quay.py": (
        "class Mooring:\n"
        '    """Holds a ship at a quay with bollards and hawsers."""\n\n'
        "    def tighten(self, hawser):\n"
        '        """Tighten a hawser around its bollard."""\n'
        "        return hawser.length - 1\n"
    ),
    **{f"harbour/part{n}.py": f"def part{n}(value):\n    return value + {n}\n" for n in range(9)},
    ".env": "PASSWORD=hunter2\n",
}
QUESTION = "how is a hawser tightened around a bollard"


@pytest.fixture
def pack(run_here, repository, model_folder, tmp_path):
    """`megacontext pack …` beside the small repository, with a store of its own."""

    def command(name, *arguments, **variables):
        variables |= {"MEGACONTEXT_PACKS__STORE": str(tmp_path / "store")}
        variables |= {"MEGACONTEXT_MODEL__NAME": str(model_folder)}
        if name != "focus":
            arguments = (name, *arguments)
            name = "pack"
        return run_here(name, *arguments, cwd=repository, **variables)

    return command


@pytest.fixture
def harbour(tmp_path):
    folder = tmp_path / "harbour"
    write_files(folder, HARBOUR)
    return folder


def test_from_a_folder_to_an_answer_and_away_again(pack, harbour, repository, tmp_path):
    file = tmp_path / "harbour.mcpack"
    built = pack("build", harbour, "-o", file, "--json").json
    assert (built["name"], built["version"], built["licence"]) == ("harbour", "1.0", "MIT")
    assert {each["path"] for each in built["left_out"]} <= {".env"}

    told = pack("info", file)
    assert "per million tokens" in told.out
    assert pack("verify", file, "--json").json == {"pack": "harbour@1.0", "ok": True, "errors": []}

    added = pack("add", file, "--json").json
    assert added["root"] == built["root"]
    assert added["signed_by"] == built["signed_by"] != ""
    [listed] = pack("list", "--json").json["packs"]
    assert listed["mounted"] is True

    entries = pack("focus", QUESTION, "--json").json["entries"]
    assert entries[0]["path"] == "harbour@1.0/harbour/quay.py"
    assert entries[0]["provenance"]["licence"] == "MIT"
    why = pack("focus", QUESTION, "--why").out
    assert "dir:harbour, MIT" in why
    assert "trust 0.5, signed by" in why
    kept = pack("focus", QUESTION, "--why", MEGACONTEXT_PACKS__DENY="[ask(source=harbour)]").out
    assert "kept out: harbour@1.0, by packs.deny: ask(source=harbour)" in kept

    assert pack("verify", "harbour").code == 0
    assert pack("remove", "harbour").code == 0
    assert pack("focus", QUESTION, "--json").json["entries"][0]["provenance"] is None
    assert "is mounted" in pack("add", "harbour").out
    assert pack("remove", "harbour", "--machine").code == 0
    assert pack("list", "--json").json == {"packs": [], "lost": []}


def test_a_pack_that_nobody_signed_needs_trust(pack, harbour, tmp_path):
    file = tmp_path / "harbour.mcpack"
    assert "needs --trust" in pack("build", harbour, "-o", file, "--no-sign").out
    refused = pack("add", file)
    assert refused.code == 1
    assert "nobody has signed it" in refused.err
    assert "unsigned" in pack("add", file, "--trust").out


def test_damage_is_found(pack, harbour, tmp_path):
    file = tmp_path / "harbour.mcpack"
    pack("build", harbour, "-o", file)
    file.write_bytes(file.read_bytes()[:-30])
    failed = pack("verify", file)
    assert failed.code == 1
    assert "no whole zip archive" in failed.out
    assert pack("add", file).code == 1


def test_an_older_version_is_mounted_only_when_that_is_meant(pack, harbour, tmp_path):
    for version in ("1.0", "2.0"):
        file = tmp_path / f"harbour-{version}.mcpack"
        pack("build", harbour, "-o", file, "--version", version)
        assert pack("add", file).code == 0
    refused = pack("add", "harbour@1.0")
    assert refused.code == 1
    assert "--older" in refused.err
    assert "takes the place of harbour@2.0" in pack("add", "harbour@1.0", "--older").out


def test_packs_follow_the_projects_dependencies(pack, harbour, repository, tmp_path):
    for version in ("1.0", "2.0"):
        file = tmp_path / f"harbour-{version}.mcpack"
        pack("build", harbour, "-o", file, "--version", version)
        pack("add", file)
    requirements = repository / "requirements.txt"
    requirements.write_text("harbour==2.0\nrich==15.0.0\n")
    states = {each["name"]: each["state"] for each in pack("suggest", "--json").json}
    assert states == {"harbour": "mounted", "rich": "to build"}
    requirements.write_text("harbour==1.0\n")
    assert "other version" in pack("suggest").out
    swapped = pack("update", "--json").json
    assert swapped == {"swapped": [{"from": "harbour@2.0", "to": "harbour@1.0"}], "missing": []}
    requirements.write_text("harbour==3.0\n")
    missing = pack("update")
    assert missing.code == 1
    assert "harbour 3.0 is not on this machine" in missing.err


def test_a_revision_of_git_is_packed_as_it_was(pack, harbour, tmp_path):
    git(harbour, "init", "-q")
    commit_all(harbour)
    commit = git(harbour, "rev-parse", "HEAD").strip()
    (harbour / "harbour/quay.py").write_text("changed = True\n")
    file = tmp_path / "git.mcpack"
    built = pack("build", f"git:{harbour}@HEAD", "-o", file, "--json").json
    assert built["origin"] == f"git:{harbour}@{commit}"
    pack("add", file)
    entries = pack("focus", QUESTION, "--json").json["entries"]
    assert entries[0]["provenance"]["trust"] == 0.8
    for wrong in (
        f"git:{harbour}@none",
        f"git:{harbour}",
        "git:@HEAD",
        f"git:{harbour}@-x",
        "git:--upload-pack=x@y",
    ):
        assert pack("build", wrong, "-o", file).code == 1


def test_an_installed_package_is_packed_with_what_its_record_attests(pack, tmp_path):
    file = tmp_path / "pluggy.mcpack"
    built = pack("build", "installed:pluggy", "-o", file, "--json").json
    assert (built["name"], built["licence"]) == ("pluggy", "MIT")
    pack("add", file)
    shown = pack("focus", "PluginManager add_hookcall_monitoring", "--json").json["entries"]
    assert shown[0]["path"].startswith(f"pluggy@{built['version']}/pluggy/")
    assert shown[0]["provenance"]["trust"] == 1.0


@pytest.mark.parametrize(
    "origin", ["nowhere", "pypi:x", "installed:no-such-package", "pypi:--x==1"]
)
def test_an_origin_that_is_none_says_what_to_give(pack, tmp_path, origin):
    failed = pack("build", origin, "-o", tmp_path / "x.mcpack")
    assert failed.code == 1
    assert failed.err.startswith("error: ")
    assert not (tmp_path / "x.mcpack").exists()
