"""Methods compared on an exhaustive table of grain boundaries that tansaku computed itself."""
