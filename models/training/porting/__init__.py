"""Training for another base: whether it fits, what it takes, with which settings."""
