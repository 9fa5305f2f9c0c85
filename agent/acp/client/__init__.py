"""What is asked of the client of a session: permissions, files, terminals."""
