"""Symmetrised midpoints against climbing-image bands."""
