"""Barriers, hops and diffusion of an ion, after a search for the bottleneck of its energy surface.

No other part of tansaku imports this room: :mod:`.offers` is all that it is known by.
"""
