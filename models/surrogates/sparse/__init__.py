"""A property of whole structures by Bayesian model averaging over small supports."""
