"""Calculators as a campaign file writes them: one module for each type, and the table of all of them."""
