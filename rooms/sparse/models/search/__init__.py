"""Exhaustive and sampled search for the few columns of a table that explain a target."""
