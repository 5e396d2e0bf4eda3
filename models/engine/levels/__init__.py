"""Choosing a candidate and a level of theory together: one model of all levels, one index of looks and full values."""
