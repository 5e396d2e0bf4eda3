"""Trained predictors and their registry contract."""
