"""Forms of the page New beside the text of a spec: the text is the only source, a field shows and changes some of its keys."""
