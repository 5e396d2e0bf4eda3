"""Losses of searched sets of dynamic modes against the convex relaxation, and how often a number of oscillations is right."""
