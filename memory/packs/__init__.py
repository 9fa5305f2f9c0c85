"""Knowledge packs: sources that are built once, shared as files, and mounted read-only beside a repository."""
