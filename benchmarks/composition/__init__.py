"""Evaluations until the best sodium tavorites are found, with and without knowledge of lithium tavorites."""
