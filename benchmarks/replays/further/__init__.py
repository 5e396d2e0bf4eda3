"""Predicted and actual gains of the next evaluations, on tables."""
