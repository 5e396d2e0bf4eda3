"""Molecules that are made of the known solvents, searched for those that bind Li⁺ most strongly."""
