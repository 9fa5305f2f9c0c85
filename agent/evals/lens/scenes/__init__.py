"""Real editing positions in real repositories, and the working contexts drawn there."""
