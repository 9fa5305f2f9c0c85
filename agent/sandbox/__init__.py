"""Programs run with limits and without secrets, and, where the system can, without network and the rest of the disk."""
