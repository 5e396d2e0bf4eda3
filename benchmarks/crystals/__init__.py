"""Lattice constants of elements by universal potentials, beside experiment."""
