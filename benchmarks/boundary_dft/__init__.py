"""Boundaries of MgO by density-functional theory, beside the calculators that search them."""
