"""Searches under limits of further quantities, against ignoring the limits and against random choice."""
