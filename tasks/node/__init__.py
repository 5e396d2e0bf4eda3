"""Jobs that run on a compute node, and the files of campaigns and sites that they need."""
