"""Files of campaigns and sites: read, completed and compared."""
