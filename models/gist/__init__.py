"""GistNet's layers, files and use. Knows tensors and token ids; no tree."""
