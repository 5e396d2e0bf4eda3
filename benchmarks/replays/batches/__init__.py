"""The cost of having many evaluations in progress at once."""
