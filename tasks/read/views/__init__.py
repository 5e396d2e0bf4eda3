"""Reading a campaign: results, progress, costs, fronts, structures, the notebook's view. Nothing here writes."""
