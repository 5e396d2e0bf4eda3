"""Properties that take more than one energy call."""
