"""How soon the best sodium tavorites are found, with and without what is known of lithium ones."""
