"""Other people's optimisers beside ours."""
