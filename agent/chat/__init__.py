"""The agent: a conversation in which a model works on a repository with tools."""
