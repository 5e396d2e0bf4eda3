"""Checks before anything is spent: campaign files, rehearsals, crystals, workflows."""
