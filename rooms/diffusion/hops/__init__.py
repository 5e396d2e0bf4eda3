"""Diffusion of an ion over an energy surface: minima, hops, paths, rates."""
