"""Scripts that drive one peer each, as a user would; the benchmark runs them with the Python of the peer's environment."""
