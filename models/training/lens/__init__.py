"""Training LensNet on snapshots. Knows tensors; no repository and no base model."""
