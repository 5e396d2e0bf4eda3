"""The page of diffusion, and its part of the API."""
