"""The speed with which searches over the number of atoms find known boundary structures."""
