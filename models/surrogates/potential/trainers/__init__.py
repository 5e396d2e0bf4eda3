"""How the weights of a network potential are found."""
