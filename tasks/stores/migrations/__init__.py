"""Changes of the stored format, one module per schema version."""
