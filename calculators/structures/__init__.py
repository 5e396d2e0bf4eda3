"""Builders of atomic structures."""
