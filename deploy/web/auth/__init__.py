"""Authentication and authorisation: passwords, sessions, tokens, roles, limits."""
