"""How many shells of copper are found in a fine structure, and how well they are located, without prior structure."""
