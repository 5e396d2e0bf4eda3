"""Properties of crystals by convolutions over the voxels of a field."""
