"""Everything that is learned: the domain, descriptors, averages of linear models, Bayesian optimisation, surrogates."""
