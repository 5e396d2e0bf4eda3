"""Stores of campaigns (memory, MongoDB) and of artifacts."""
