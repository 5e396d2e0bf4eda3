"""Sparse search of a user's table: reading and checking it, searching, and the report."""
