"""Formats of files, the user's machine, and the settings, for all floors."""
