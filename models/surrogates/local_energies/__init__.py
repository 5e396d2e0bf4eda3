"""Atomic energies as sparse linear functions of the atomic environment."""
