"""LensNet's data, files and use. Knows tensors and token ids; no tree and no repository."""
