"""Versions of memory: snapshots in a Merkle tree of texts, what differs between two, and three-way merging."""
