"""Migration barriers by density-functional theory, beside those of potentials at the same geometries."""
