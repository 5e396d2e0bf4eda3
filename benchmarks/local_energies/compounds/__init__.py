"""Atomic energies at boundaries of a compound, learned at small boundaries."""
