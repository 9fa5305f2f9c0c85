"""What the agent can do to a repository: read, search, focus, edit, run, git."""
