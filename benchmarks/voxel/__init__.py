"""Fields and points: the voxel descriptor and a network on it beside kernels on the atoms' surroundings."""
