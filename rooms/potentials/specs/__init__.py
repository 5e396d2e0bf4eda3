"""Specs: what files say of a potential, a network on voxels, a stack, and the calculator that a potential is."""
