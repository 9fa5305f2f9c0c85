"""What LensNet is compared with: other ways to say which entries deserve detail."""
