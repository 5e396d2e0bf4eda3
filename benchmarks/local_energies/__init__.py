"""Local energies: trained on small boundaries, tested on large ones."""
