"""Which boundaries to have expensive energies of: by information per cost, the smallest first, or at random."""
