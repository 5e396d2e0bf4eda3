"""After a search for the bottleneck of an energy surface: hops, paths, diffusion."""
