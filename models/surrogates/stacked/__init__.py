"""One surrogate on what another leaves over."""
