"""Network potentials, networks on voxels of a field, and stacks of surrogates, with all that computes with them.

No other part of tansaku imports this room; the table of kinds names its :mod:`.specs`.
"""
