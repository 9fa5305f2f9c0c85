"""The MegaContext tree: chunking, catalogue, storage, ingest and focus. Knows no chat and no screen."""
