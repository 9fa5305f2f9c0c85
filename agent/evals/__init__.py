"""Measuring the models inside the product, over real repositories."""
