"""The page of sparse searches, and their part of the API."""
