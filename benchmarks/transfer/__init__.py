"""Benefit of transfer, and cost of a harmful source."""
