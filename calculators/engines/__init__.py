"""Codes that compute energies and forces."""
