"""Target search: what to make next, on solvents by Li⁺ coordination energy and on the shipped sodium tavorites."""
