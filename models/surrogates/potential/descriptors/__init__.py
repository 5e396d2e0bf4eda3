"""What the atoms of a neural-network potential see of their surroundings, with derivatives."""
