"""Where the texts of packs come from, and what of mounted packs a question gets to see."""
