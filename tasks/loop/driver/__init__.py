"""Drives one campaign: its loop, its lease, what observes it, and how a signal ends it."""
