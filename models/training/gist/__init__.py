"""Training GistNet on a base LM: views of windows with gists in them, losses, gate."""
