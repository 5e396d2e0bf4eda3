"""A property of whole structures by kernel ridge regression."""
