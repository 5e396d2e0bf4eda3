"""What has to be true of a machine before anything is installed on it."""
