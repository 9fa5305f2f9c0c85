"""What a user could pick instead, each in a process of its own and asked the same questions."""
