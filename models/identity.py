"""Who a model is, told from its files without loading it: what token ids and gists may be shared.

Knows folders and bytes; no torch.
"""

from hashlib import blake2b
from pathlib import Path

from megacontext.configs.errors import ModelFilesError

GISTNET = "gistnet.safetensors"
UNTRAINED = "gistnet-initial-1"
"""What stands for the weights of a GistNet that is built from the base model alone."""
OURS = (GISTNET, "lensnet.safetensors")
"""Weights beside a base's own that say nothing of its tokens; what scores entries makes no gist."""
SAMPLE = 1 << 20
"""Bytes read at the start, the middle and the end of a weight file too large to read whole."""
WHOLE = 64 << 20


def model_identity(folder: Path) -> str:
    """Hex digest of configuration, tokenizer and (samples of) weights.

    Raises ModelFilesError when the folder cannot be read.
    """
    state = blake2b(digest_size=16)
    try:
        for name in ("config.json", "tokenizer.json"):
            state.update((folder / name).read_bytes())
        for path in sorted(folder.glob("*.safetensors")):
            if path.name not in OURS:
                state.update(path.name.encode() + _sample(path))
    except OSError as exc:
        raise ModelFilesError(
            f"{exc.filename} cannot be read ({exc.strerror}); restore the model's folder"
        ) from exc
    return state.hexdigest()


def encoder_identity(folder: Path) -> str:
    """Hex digest of base model and GistNet together: equal ones make equal trees of equal text."""
    trained = folder / GISTNET
    gistnet = _sample(trained) if trained.is_file() else UNTRAINED.encode()
    return blake2b(model_identity(folder).encode() + gistnet, digest_size=16).hexdigest()


def _sample(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            return str(size).encode() + blake2b(file.read()).digest()
        parts = []
        for offset in (0, size // 2, size - SAMPLE):
            file.seek(offset)
            parts.append(file.read(SAMPLE))
    return str(size).encode() + blake2b(b"".join(parts)).digest()
