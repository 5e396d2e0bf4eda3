"""What the calculator adds to LAMMPS: warm evaluations against the same minimisations in a bare input script."""
