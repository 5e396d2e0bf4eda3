"""Parts of the migration-barrier workflow."""
