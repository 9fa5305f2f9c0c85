"""Ways to fill the positions that memory may take: what a user could pick instead, and MegaContext."""
