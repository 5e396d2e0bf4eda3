"""How fast a potential's error falls with data, by who chooses them."""
