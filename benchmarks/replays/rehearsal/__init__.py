"""Accuracy of budget rehearsals on the shipped table."""
