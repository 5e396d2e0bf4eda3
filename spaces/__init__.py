"""What is searched: pools of candidates and their structures."""
