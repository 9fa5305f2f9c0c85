"""What the agent may do, and who is asked."""
