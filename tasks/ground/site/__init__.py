"""This machine and the cluster: processes, users, health, who fills the queue."""
