"""Views of a campaign, its figures, paths on energy surfaces, predictions of many structures."""
