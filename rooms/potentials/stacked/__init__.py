"""Stacked surrogates (residual learning)."""
