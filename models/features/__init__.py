"""Descriptors of structures and candidates."""
