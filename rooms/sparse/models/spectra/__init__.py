"""Spectra as sums of few peaks: how many there are, where, how wide, and how sure that is."""
