"""The commands: from wheels and settings to snapshots, reports and recall."""

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands import data, evaluate
from megacontext.agent.evals.repositories import unpack
from megacontext.configs.errors import MegaContextError, ModelFilesError, TrainingError
from megacontext.memory.focus.features import FEATURES
from megacontext.models.lens.files import save_lensnet
from megacontext.models.lens.snapshots import Snapshots
from megacontext.models.lensnet import LensNet, LensNetConfig
from megacontext.models.training.corpus.settings import PackageSource
from tests.agent.evals.lens.conftest import DRAW, FILES, PLACES

CORPUS = {
    "name": "corpus",
    "packages": [{"name": "fruit", "version": "1.0", "licence": "MIT"}],
    "held_out": [{"name": "seeds", "version": "2.0", "licence": "MIT", "skip": ["/tests/"]}],
}
SOURCE = {
    "name": "tiny",
    "corpus": "corpus.yaml",
    "snapshots": 2,
    "places": PLACES.model_dump(),
    "draw": DRAW.model_dump(),
}
MEASURED = {
    "budgets": [60, 150],
    "remeasured": 1,
    "stability": {"files": 2, "steps": 6, "rounds": 3, "entries": 20, "budget": 200},
    "recall": {"places": 5},
}


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A folder with settings, and wheels of a package of each split."""
    seeds = {path.replace("fruit", "seeds"): text for path, text in FILES.items()}
    wheel(tmp_path / "data/wheels", "fruit", "1.0", FILES)
    wheel(tmp_path / "data/wheels", "seeds", "2.0", seeds | {"seeds/tests/t.py": "x = 1\n"})
    (tmp_path / "corpus.yaml").write_text(json.dumps(CORPUS))
    for split, name, more in (("train", "fruit", {}), ("held_out", "seeds", MEASURED)):
        settings = SOURCE | {"split": split, "repositories": [name]} | more
        (tmp_path / f"{split}.yaml").write_text(json.dumps(settings))
    return tmp_path


def run(app, folder: Path, model: Path, *arguments: str):
    given = [*arguments, "--model", str(model), "--data", str(folder / "data")]
    done = CliRunner().invoke(app, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_snapshots_are_made_once_and_measured_once(workshop, model_folder):
    config = ["lens", "--config", str(workshop / "train.yaml"), "--json"]
    made = json.loads(run(data.app, workshop, model_folder, *config))
    out = workshop / "data/lens/tiny"
    assert made["folder"] == str(out) and made["snapshots"] == len(Snapshots(out)) == 2
    assert made["forwards"] > made["entries"] > 0
    again = json.loads(run(data.app, workshop, model_folder, *config))
    assert again["forwards"] == 0 and again["fingerprint"] == made["fingerprint"]
    more = run(data.app, workshop, model_folder, *config[:-1], "--count", "3")
    assert more.startswith("3 snapshots")


def test_old_snapshots_stay_until_new_ones_are_whole(workshop, model_folder, monkeypatch):
    config = ["lens", "--config", str(workshop / "train.yaml")]
    run(data.app, workshop, model_folder, *config)
    before = Snapshots(workshop / "data/lens/tiny").manifest
    settings = json.loads((workshop / "train.yaml").read_text())
    (workshop / "train.yaml").write_text(
        json.dumps(settings | {"repositories": ["fruit", "stone"]})
    )
    corpus = CORPUS | {
        "packages": [*CORPUS["packages"], {"name": "stone", "version": "0.0", "licence": "MIT"}]
    }
    (workshop / "corpus.yaml").write_text(json.dumps(corpus))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(TrainingError, match=r"stone 0\.0 cannot be downloaded"):
        run(data.app, workshop, model_folder, *config)
    assert Snapshots(workshop / "data/lens/tiny").manifest == before


def test_a_package_is_unpacked_once_without_what_is_skipped(workshop):
    package = PackageSource.model_validate(CORPUS["held_out"][0])
    folder, wheels = workshop / "repositories", workshop / "data/wheels"
    root = unpack(package, folder, wheels)
    assert not (root / "seeds/tests").exists()
    assert (root / "seeds/apple.py").read_text() == FILES["fruit/apple.py"]
    assert len({file.stat().st_mtime for file in root.rglob("*.py")}) == 1
    (root / "seeds/apple.py").write_text("changed")
    assert unpack(package, folder, wheels) == root
    assert (root / "seeds/apple.py").read_text() == "changed"


def save_lens(folder: Path, reader, **changes) -> Path:
    config = LensNetConfig(
        base_id=reader.gister.base_id,
        encoder_id=reader.gister.encoder_id,
        gist_width=reader.gister.width,
        feature_names=FEATURES,
        **changes,
    )
    save_lensnet(LensNet(config), folder)
    return folder


def evaluated(workshop: Path, model: Path, *arguments: str):
    config = ["--config", str(workshop / "held_out.yaml"), "--out", str(workshop / "reports")]
    dated = ["--date", "2026-01-31", "--json"]
    return json.loads(run(evaluate.app, workshop, model, "lens", *config, *dated, *arguments))


def test_without_a_lensnet_the_feature_scorer_is_measured(workshop, model_folder):
    found = evaluated(workshop, model_folder)
    assert found["subject"] == "features" and "features_filled" in found["baselines"]
    for name in ("regret", "spearman", "flips_per_block", "refocus_ms"):
        low, mid, high = found[name]
        assert low is None or low <= mid <= high
    assert found["scenes"] == 2 and found["repositories"] == {"seeds": "2.0"}
    reports = workshop / "reports"
    page = (reports / "lens_2026-01-31.md").read_text()
    assert "BM25 + recency" in page and "seeds 2.0" in page and "untrained" in page
    assert (reports / "lens_2026-01-31_scorers.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((reports / "lens_2026-01-31.json").read_text())
    assert written["baselines"] == found["baselines"]
    again = evaluated(workshop, model_folder)
    assert again["forwards"] == 0 and again["regret"] == found["regret"]


def test_a_lensnet_is_held_against_baselines_and_ablations(workshop, model_folder, reader):
    lens = save_lens(workshop / "lens", reader)
    bare = save_lens(workshop / "bare", reader, features=False, seed=1)
    found = evaluated(
        workshop, model_folder, "--lensnet", str(lens), "--ablation", f"no features={bare}"
    )
    assert found["subject"] == "lensnet" and set(found["ablations"]) == {"no features"}
    assert "lensnet" not in found["baselines"] and "no features" not in found["baselines"]
    assert {"features", "ami", "attention", "dense"} <= set(found["baselines"])
    assert set(found["against"]) == set(found["baselines"]) | {"no features", "hindsight"}
    assert len(found["figures"]["regret_by_budget"]) == 2
    assert found["verdicts"] and found["flips_per_block"] and found["refocus_ms"]
    page = (workshop / "reports/lens_2026-01-31.md").read_text()
    assert "## Ablations" in page and "**LensNet**" in page
    assert f"'no features={bare}'" in page


def test_recall_is_told_and_written_for_the_report_on_gists(workshop, model_folder, reader):
    lens = save_lens(workshop / "lens", reader)
    config = ["recall", "--config", str(workshop / "held_out.yaml"), "--lensnet", str(lens)]
    out = workshop / "made/recall.json"
    told = run(evaluate.app, workshop, model_folder, *config, "--out", str(out))
    found = json.loads(out.read_text())
    assert {"L2 late", "L3 max", "bm25", "features", "lensnet"} <= set(found)
    low, mid, high = found["L2 late"]["5"]
    assert 0 <= low <= mid <= high <= 1
    assert found["about"]["cursors"] == 5 and "L2 late" in told
    as_json = json.loads(run(evaluate.app, workshop, model_folder, *config, "--json"))
    assert as_json == found


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--ablation", "x=/nowhere"], MegaContextError, "ablations need the LensNet"),
        (["--lensnet", "/nowhere"], ModelFilesError, "lensnet.json cannot be read"),
        (["--notes", "/nowhere.md"], MegaContextError, "nowhere.md cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_said(workshop, model_folder, arguments, error, message):
    with pytest.raises(error, match=message):
        evaluated(workshop, model_folder, *arguments)


@pytest.mark.parametrize("typed", ["x", "=folder", "x="])
def test_an_ablation_needs_a_name_and_a_folder(workshop, model_folder, typed):
    done = CliRunner().invoke(evaluate.app, ["lens", "--ablation", typed])
    assert done.exit_code == 2 and "NAME=FOLDER" in done.output


def test_a_lensnet_of_another_encoder_is_refused(workshop, model_folder, reader):
    lens = save_lens(workshop / "lens", reader)
    card = json.loads((lens / "lensnet.json").read_text())
    card["config"]["encoder_id"] = "another"
    (lens / "lensnet.json").write_text(json.dumps(card))
    with pytest.raises(ModelFilesError, match="another GistNet"):
        evaluated(workshop, model_folder, "--lensnet", str(lens))
