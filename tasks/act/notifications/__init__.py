"""Informs people by mail or web hook what happens to their campaigns."""
