"""Whether a search of boundaries should begin on mirror planes."""
