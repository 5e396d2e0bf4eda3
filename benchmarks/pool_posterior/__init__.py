"""Time to the next proposal on a large pool, beside BoTorch."""
