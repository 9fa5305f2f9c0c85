"""Source distributions: what of an archive is read, and what is refused."""

import io
import tarfile
from pathlib import Path

import pytest

from megacontext.agent.evals.repository.sdists import digest_of, sdist, source_files
from megacontext.configs.errors import SettingsError, TrainingError
from megacontext.models.training.corpus.settings import PackageSource
from tests.agent.evals.repository.conftest import FILES, archive, workshop


def test_files_come_in_order_without_the_folder_around_them(tmp_path: Path):
    path = archive(tmp_path / "plot-2.0.tar.gz", FILES)
    assert dict(source_files(path)) == {name: text.encode() for name, text in FILES.items()}
    assert [name for name, _ in source_files(path)] == sorted(FILES)


def test_what_leads_out_of_the_folder_is_passed_over(tmp_path: Path):
    path = tmp_path / "bad-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for name in ("bad-1.0/../../evil.py", "/bad-1.0/evil.py", "evil.py"):
            opened.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("bad-1.0/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
        opened.addfile(tarfile.TarInfo("bad-1.0/good.py"), io.BytesIO())
    assert [name for name, _ in source_files(path)] == ["good.py"]


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b\x08torn"])
def test_a_damaged_archive_is_named(tmp_path: Path, data: bytes):
    path = tmp_path / "plot-2.0.tar.gz"
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"plot-2\.0\.tar\.gz is no sound archive"):
        list(source_files(path))


@pytest.mark.parametrize("name", ["Plot.Two-2.0.tar.gz", "plot_two-2.0.tar.gz"])
def test_what_was_fetched_is_not_fetched_again(tmp_path: Path, name: str):
    path = archive(tmp_path / name, FILES)
    assert sdist(PackageSource(name="plot-two", version="2.0", licence="MIT"), tmp_path) == path
    assert len(digest_of(path)) == 64


def test_packages_that_were_trained_on_are_refused(tmp_path: Path, model_folder: Path):
    from megacontext.agent.evals.repository.bench import BenchPlaces, on_bench
    from megacontext.agent.evals.repository.settings import RepositorySettings
    from megacontext.models.training.corpus.settings import read_yaml

    file = workshop(tmp_path, packages=[{"name": "trained"}])
    settings = read_yaml(file, RepositorySettings)
    places = BenchPlaces(tmp_path / "data")
    with (
        pytest.raises(SettingsError, match="trained is not among the held_out packages"),
        on_bench(settings, file, str(model_folder), places),
    ):
        pass
