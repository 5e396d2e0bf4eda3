"""Informs people by mail or webhook what happens to their campaigns."""
