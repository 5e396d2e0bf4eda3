"""Descriptors of whole structures as voxels of a field in reciprocal space."""
