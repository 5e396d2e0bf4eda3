"""The size of values: the largest one that is accepted."""

LARGEST = 1e100
"""Largest value and deviation: the squares of larger ones, which a model takes, are not finite."""
