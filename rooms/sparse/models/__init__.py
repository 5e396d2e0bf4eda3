"""Exhaustive and sampled variable selection."""
