"""Trusted folders: written down beside the user's settings, never in the repository."""

import stat
import threading

import pytest

from megacontext.agent.permissions.trust import (
    distrust,
    is_trusted,
    trust,
    trust_file,
    trusted_folders,
)
from megacontext.configs.errors import SettingsError


def test_a_folder_is_trusted_with_all_below_it_until_it_is_not(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert not is_trusted(tmp_path / "a")
    trust(tmp_path / "a")
    trust(tmp_path / "a")
    assert is_trusted(tmp_path / "a")
    assert is_trusted(tmp_path / "a" / "b")
    assert not is_trusted(tmp_path)
    assert not is_trusted(tmp_path / "ab")
    assert len(trusted_folders()) == 1
    distrust(tmp_path / "a")
    assert not is_trusted(tmp_path / "a")


def test_it_is_kept_beside_the_users_settings_alone(tmp_path):
    repository = tmp_path / "repository"
    repository.mkdir()
    trust(repository)
    assert list(repository.iterdir()) == []
    assert trust_file().is_relative_to(tmp_path / "config")
    assert stat.S_IMODE(trust_file().stat().st_mode) == 0o600


def test_a_link_to_a_trusted_folder_is_that_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    trust(tmp_path / "link")
    assert is_trusted(tmp_path / "real")


@pytest.mark.parametrize("text", ["", "{", "3", "[1]", "null"])
def test_a_damaged_file_trusts_nobody(text):
    trust_file().parent.mkdir(parents=True, exist_ok=True)
    trust_file().write_text(text)
    with pytest.raises(SettingsError, match=r"trusted\.json"):
        trusted_folders()


def test_processes_that_trust_at_once_lose_nothing(tmp_path):
    folders = [tmp_path / str(number) for number in range(8)]
    threads = [threading.Thread(target=trust, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(trusted_folders()) == {folder.resolve() for folder in folders}
