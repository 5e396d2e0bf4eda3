"""Retraining of a network potential at boundaries of magnesium oxide."""
