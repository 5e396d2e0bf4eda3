"""Grain boundaries whose number of atoms is searched too."""
