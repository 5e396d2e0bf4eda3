"""Descriptors of the surroundings of atoms for neural-network potentials, with derivatives."""
