"""Trainers of network potentials."""
