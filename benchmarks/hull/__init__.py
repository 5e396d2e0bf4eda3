"""Searches for the stable crystals of binary alloys."""
