import json

import pytest
import torch

from megacontext.configs.errors import ModelFilesError
from megacontext.models.lens.files import has_lensnet, lens_id, load_lensnet, save_lensnet
from tests.models.lens_nets import NAMES, WIDTH, some_entries, some_query, stirred

FITTING = {"base_id": "b1", "encoder_id": "e1", "gist_width": WIDTH, "feature_names": NAMES}


@pytest.fixture
def folder(tmp_path):
    save_lensnet(stirred(), tmp_path / "pocket")
    return tmp_path / "pocket"


def refusal(folder, **changes) -> str:
    with pytest.raises(ModelFilesError) as caught:
        load_lensnet(folder, **FITTING | changes)
    return str(caught.value)


def test_what_is_saved_is_what_is_loaded(folder):
    net = stirred()
    net.fit(torch.rand(5, 3), torch.randn(5, WIDTH))
    save_lensnet(net, folder)
    loaded = load_lensnet(folder, **FITTING)
    here, asked = some_entries(5), some_query(3)
    assert torch.equal(loaded(here, asked), net(here, asked))
    assert (loaded.config, lens_id(loaded)) == (net.config, lens_id(net))
    assert lens_id(net) != lens_id(stirred())
    assert sorted(path.name for path in folder.iterdir()) == ["lensnet.json", "lensnet.safetensors"]
    assert has_lensnet(folder) and not has_lensnet(folder.parent)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base_id": "b2"}, "another base (b1, here b2)"),
        ({"encoder_id": "e2"}, "another GistNet (e1, here e2)"),
        ({"gist_width": 8}, "another gist width (16, here 8)"),
        ({"feature_names": NAMES[::-1]}, "features (bm25, near, level, here level, near, bm25)"),
    ],
)
def test_what_it_was_not_made_for_is_refused_with_the_reason(folder, changes, told):
    assert told in refusal(folder, **changes)


def test_missing_and_damaged_files_are_named(folder, tmp_path):
    weights, card = folder / "lensnet.safetensors", folder / "lensnet.json"
    whole = bytearray(weights.read_bytes())
    for damaged in (whole[:50], b"", b"\xff" * 100):
        weights.write_bytes(damaged)
        assert f"{weights} is missing, damaged" in refusal(folder)
    save_lensnet(stirred(layers=2), tmp_path / "deeper")
    weights.write_bytes((tmp_path / "deeper" / weights.name).read_bytes())
    assert "other sizes" in refusal(folder)
    whole[-1] ^= 0x40
    weights.write_bytes(whole)
    assert "does not belong" in refusal(folder)
    weights.unlink()
    assert str(weights) in refusal(folder)
    content = json.loads(card.read_text())
    content["config"]["version"] = 2
    card.write_text(json.dumps(content))
    assert "config.version" in refusal(folder)
    card.unlink()
    assert f"{card} cannot be read" in refusal(folder)
