"""How the time and memory of status, results, list and the driver grow with a campaign."""
