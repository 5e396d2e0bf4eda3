"""How fast searches over the number of atoms find known boundary structures."""
