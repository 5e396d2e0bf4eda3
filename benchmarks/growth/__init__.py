"""Time and memory of status, results, list and the driver as a campaign grows."""
