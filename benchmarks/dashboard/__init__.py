"""How heavy the dashboard is, in a real browser."""
