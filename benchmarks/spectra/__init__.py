"""How often the number of peaks is right, and how well peaks are located."""
