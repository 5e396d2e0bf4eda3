"""Everything that is learned: the domain, descriptors, the Bayesian-optimisation engine, surrogates and sparse models."""
