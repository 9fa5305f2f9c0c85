"""How heavy bytes are for a tokenizer nobody here knows.

Weight is counted in fifths of an ASCII byte. Digits and the bytes of non-ASCII characters weigh
12, because many tokenizers spend a token on each of them; everything else weighs 5. At most LIMIT
of it is then about 1,024 tokens: 2,400 bytes of code, or 1,000 bytes of digits or Chinese.
"""

from typing import TypeAlias

import numpy as np

Weights: TypeAlias = "memoryview[int]"
"""Prefix sums, one more than there are bytes: `weights[b] - weights[a]` is the weight of `[a, b)`."""

LIMIT = 2400 * 5
"""No chunk is heavier."""

_TABLE = bytes(12 if value >= 0x80 or chr(value).isdigit() else 5 for value in range(256))


def weigh(data: bytes) -> Weights:
    """Prefix sums of the weights of all bytes."""
    fits = len(data) * max(_TABLE) < 2**31
    sums = np.zeros(len(data) + 1, dtype=np.int32 if fits else np.int64)
    np.cumsum(np.frombuffer(data.translate(_TABLE), dtype=np.uint8), out=sums[1:])
    return sums.data
