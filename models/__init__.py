"""Base language models, GistNet and their training. Knows tensors and tokens, no repository."""
