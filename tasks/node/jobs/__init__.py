"""Code that runs on a compute node."""
