"""Bandit search: a surface (an arm) is chosen by its expected gain, and candidates are spread over it."""
