"""The voxel descriptor and a network on it, compared with kernels on atomic environments."""
