"""Barriers of ions in crystals: how many energies it takes to be sure of one."""
