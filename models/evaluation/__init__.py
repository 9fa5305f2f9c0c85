"""How well trained parts do, with intervals. Knows tensors and token windows; no repository, no report."""
