"""Networks that say energies: their data, and what they are compared with."""
