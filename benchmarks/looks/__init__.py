"""Cheap looks at migration barriers and boundaries: their cost and how well they rank candidates."""
