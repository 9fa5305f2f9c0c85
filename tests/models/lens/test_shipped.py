"""The LensNet that ships goes with the base, the GistNet and the features that ship."""

from megacontext.memory.focus.features import FEATURES
from megacontext.models.choosing.choose import pocket_folder
from megacontext.models.gist.loading import gister_for
from megacontext.models.language.loading import load_folder
from megacontext.models.lens.files import load_lensnet


def test_pockets_lensnet_fits_what_ships_with_it():
    folder = pocket_folder()
    gister = gister_for(load_folder(folder), folder)
    lensnet = load_lensnet(
        folder,
        base_id=gister.base_id,
        encoder_id=gister.encoder_id,
        gist_width=gister.width,
        feature_names=FEATURES,
    )
    assert not lensnet.training
    assert (folder / "lensnet.md").is_file()
