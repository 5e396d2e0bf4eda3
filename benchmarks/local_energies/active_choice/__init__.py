"""Choice of the boundaries to label: by information per cost, the smallest first, or at random."""
