"""What stands behind the screen: threads, files and processes, without any widget."""
