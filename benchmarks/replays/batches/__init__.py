"""Cost of many evaluations in progress at once."""
