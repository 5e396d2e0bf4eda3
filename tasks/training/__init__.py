"""Training surrogates on stored data sets, judging them on what is held out, and the registry of what came of it."""
