"""What a focus is worth at real editing positions, and which scorer foresees it."""
