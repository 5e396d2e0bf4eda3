"""Number and accuracy of the shells of copper that are found in a fine structure without prior structure."""
