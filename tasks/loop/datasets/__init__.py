"""Data sets: built by campaigns or read from a user's file, stored by content, divided by group."""
