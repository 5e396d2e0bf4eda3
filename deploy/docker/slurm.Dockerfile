# One container with a SLURM of one node and a tansaku service on it, for trying out; build the main image first.
ARG BASE=tansaku:local
FROM ${BASE}

USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends munge slurm-client slurmctld slurmd \
    && rm -rf /var/lib/apt/lists/*
# The daemons run as root inside the container; jobs and the service as the user tansaku.
ENTRYPOINT ["tini", "--", "sh", "/opt/tansaku/deploy/docker/slurm-start.sh"]
CMD ["tansaku", "--help"]
