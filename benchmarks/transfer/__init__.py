"""What transfer is worth, and what a harmful source costs."""
