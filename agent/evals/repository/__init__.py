"""What memory is worth in repositories that no model here was trained on."""
