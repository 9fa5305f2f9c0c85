"""Programs run with limits, without secrets, and as far as the system can, without network and without the rest of the disk."""
