"""Training surrogates on stored data sets, evaluating them on held-out data, and the registry of the results."""
