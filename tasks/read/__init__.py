"""Views of a campaign, its figures, predictions of many structures."""
