"""Predicted and actual gains of the next evaluations that give several quantities."""
