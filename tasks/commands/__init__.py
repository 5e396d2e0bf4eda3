"""Changing a campaign: create, steer, delete, reconcile. Nothing here asks a question or prints."""
