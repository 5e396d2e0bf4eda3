"""Comparison with optimisers of other packages."""
