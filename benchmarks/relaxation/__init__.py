"""Overhead of the calculator over LAMMPS: warm evaluations against the same minimisations in a bare input script."""
