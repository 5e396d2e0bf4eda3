"""Whether a search that says nothing better remains is right, on the shipped table."""
