"""The parts of the screen, by region. State comes down into them, messages go up."""
