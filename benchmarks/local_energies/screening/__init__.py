"""A thousand boundaries screened: predicted energies beside computed ones."""
