"""What may go wrong, done on purpose and often: nothing that was taken in is lost, and nothing false is ever shown."""
