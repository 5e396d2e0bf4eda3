"""Molecules as a space: known ones, and others that are made of them."""
