"""Searches for a front of two noisy objectives, by what is made of measured values."""
