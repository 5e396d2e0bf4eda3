"""Checks and preparations of a machine before tansaku is installed."""
