"""Labels that a retrained first look spares."""
