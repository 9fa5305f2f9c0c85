"""The terminal app: a thin reader of the agent's events."""
