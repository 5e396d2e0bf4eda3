"""Sources of transfer: found, checked, frozen and read again."""
