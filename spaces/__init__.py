"""Search spaces: pools of candidates and their structures."""
