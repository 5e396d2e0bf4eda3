"""Calculator pair_potential for tansaku."""
