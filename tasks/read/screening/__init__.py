"""Screening: many boundaries relaxed by a cheap calculator, their energies predicted by a trained model."""
