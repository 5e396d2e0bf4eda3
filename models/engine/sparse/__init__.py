"""Proposals by a sparse linear model of tables with many descriptors."""
