"""What every suite of tasks shares: running, resuming, figures with their units kept, pages, comparisons."""
