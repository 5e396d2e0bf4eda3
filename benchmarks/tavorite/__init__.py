"""Tavorites: the table of barriers, two potentials compared with published work, and the value of a cheap pre-screening."""
