"""Searches with an expectation, right or wrong."""
