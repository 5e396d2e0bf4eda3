"""Network potentials: their data, and comparisons with other methods."""
