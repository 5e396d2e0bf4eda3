"""Neural-network potentials: energies and forces as sums over atoms."""
