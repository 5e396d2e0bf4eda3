"""What it costs to have many evaluations under way at once."""
