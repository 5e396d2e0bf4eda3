"""Overhead of a queue: jobs through FireWorks and SLURM against plain sbatch."""
