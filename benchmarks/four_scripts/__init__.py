"""One search as a script in BayBE, Ax, Optuna and tansaku."""
