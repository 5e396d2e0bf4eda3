"""Boundaries of SrTiO3 relaxed with and without the inversion that makes both boundaries of a cell equal."""
