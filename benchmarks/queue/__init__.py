"""What a queue costs: jobs through FireWorks and SLURM against plain sbatch."""
