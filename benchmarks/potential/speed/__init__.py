"""Atoms and steps per second of molecular dynamics by potentials of several kinds."""
