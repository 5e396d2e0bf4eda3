"""Energy that an ion gains by binding to a molecule."""
