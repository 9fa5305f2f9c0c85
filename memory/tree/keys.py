"""Content keys: what makes the tree a Merkle tree. Knows no storage.

A chunk's and a file part's key depends on the encoder and the text only, so renames, copies and branch
switches find their rows again. A directory's key also covers its children's names, so two trees with the
same root hold the same files at the same places.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

KEY_SIZE = 16


def digest(data: bytes) -> bytes:
    """blake2b-16 of some bytes."""
    return blake2b(data, digest_size=KEY_SIZE).digest()


def chunk_key(encoder: str, tokens: NDArray[np.uint32]) -> bytes:
    """Key of a chunk (L2) from its token ids `[n]`."""
    return _hash(encoder, 2, [tokens.astype("<u4", copy=False).tobytes()])


def node_key(encoder: str, level: int, children: Iterable[bytes]) -> bytes:
    """Key of a file part (L3) or of a group, from its children's keys in order."""
    return _hash(encoder, level, children)


def directory_key(encoder: str, level: int, children: Iterable[tuple[str, bytes]]) -> bytes:
    """Key of a directory (L4+) from its children's names and keys in order."""
    return _hash(encoder, level, (name.encode() + b"\0" + key for name, key in children))


def _hash(encoder: str, level: int, parts: Iterable[bytes]) -> bytes:
    state = blake2b(f"{encoder}\0{level}\0".encode(), digest_size=KEY_SIZE)
    for part in parts:
        state.update(part)
    return state.digest()
