"""The lowest boundaries over a chemical potential: the goal `hull` beside `best_per_system`."""
