"""Campaigns replayed on the shipped table of boundaries: stop rules, rehearsals, evaluations in parallel."""
