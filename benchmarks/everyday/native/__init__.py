"""Scripts that search a table with one peer each, as its user would: its own parameters, initial design and defaults."""
