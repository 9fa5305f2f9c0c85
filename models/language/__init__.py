"""Base language models: local, remote, scripted; their tokenizers, caches and streams."""
