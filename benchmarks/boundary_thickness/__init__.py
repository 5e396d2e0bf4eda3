"""Energies of boundaries of compounds by the thickness of their grains."""
