"""Structure in, typed properties out."""
