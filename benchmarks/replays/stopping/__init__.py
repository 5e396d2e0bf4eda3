"""Reliability of convergence certificates on the shipped table."""
