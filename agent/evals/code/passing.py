"""pass@k: the chance that one of k samples is right. Knows numbers only."""

from math import comb


def pass_at(k: int, samples: int, right: int) -> float:
    """The unbiased estimate from `samples` of which `right` passed (Chen et al. 2021, section 2.1).

    Raises ValueError for fewer samples than k.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs {k} samples or more, and there are {samples}")
    return 1.0 - comb(samples - right, k) / comb(samples, k)
