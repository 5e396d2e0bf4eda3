"""Tavorites: the table of barriers, two potentials beside published work, and what a cheap first look is worth."""
