"""Everything that is promised in figures, and what came of it: one table from what was kept. Measures nothing."""
