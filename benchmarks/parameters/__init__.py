"""Spaces of parameters against continuous optimisation."""
