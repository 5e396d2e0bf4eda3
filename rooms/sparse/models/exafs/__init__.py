"""X-ray absorption fine structure as a sum of few shells of atoms: where they are, how many atoms, how spread."""
