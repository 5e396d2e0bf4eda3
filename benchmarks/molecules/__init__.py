"""Searches of known molecules with few evaluations, by engine."""
