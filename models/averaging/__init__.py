"""Linear models of few columns, averaged over which columns."""
