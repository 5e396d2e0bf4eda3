"""The load of the dashboard on server and browser, measured in a real browser."""
