"""What the next evaluations were said to gain, and what they gained, on tables."""
