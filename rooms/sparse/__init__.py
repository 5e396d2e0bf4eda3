"""Sparse models: few columns of a table, peaks of a spectrum, oscillations of a signal, shells of atoms.

No other part of tansaku imports this room: :mod:`.commands` and :mod:`.page` are all that it is known by.
"""
