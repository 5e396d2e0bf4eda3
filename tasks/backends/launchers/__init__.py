"""Backends that run jobs."""
