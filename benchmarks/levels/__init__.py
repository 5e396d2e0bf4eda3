"""Searches that choose the level of theory of each evaluation, on public tables of two levels."""
