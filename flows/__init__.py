"""Prefect flows around the plain steps."""
