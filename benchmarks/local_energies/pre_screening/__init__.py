"""Labels saved by pre-screening with a retrained surrogate."""
