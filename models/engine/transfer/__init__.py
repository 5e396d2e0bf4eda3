"""Transfer from other searches: source data, extended pools, the modes, their evidence and the guard."""
