"""The agent in editors that host agents: an Agent Client Protocol server."""
