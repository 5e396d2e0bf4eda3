#!/bin/sh
# Starts munge and a SLURM of this one machine, then the command as the user USER_OF_JOBS.
set -eu

state="${SLURM_STATE:-/var/lib/slurm-state}"
user="${USER_OF_JOBS:-tansaku}"
host="$(hostname -s)"

mkdir -p "$state/ctld" "$state/d" "$state/munge"
chmod 0755 "$state"
chmod 0700 "$state/munge"
if [ ! -s "$state/munge/key" ]; then
    (umask 077 && head -c 128 /dev/urandom >"$state/munge/key")
fi
munged --force --key-file "$state/munge/key" --socket "$state/munge.socket" --pid-file "$state/munge/pid" \
    --log-file "$state/munge/log" --seed-file "$state/munge/seed"

cat >"$state/slurm.conf" <<EOF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${SLURMCTLD_PORT:-6817}
SlurmdPort=${SLURMD_PORT:-6818}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
SlurmctldPidFile=$state/ctld.pid
SlurmdPidFile=$state/d.pid
SlurmctldLogFile=$state/ctld.log
SlurmdLogFile=$state/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=trial Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF="$state/slurm.conf"
rm -f "$state/ctld.pid" "$state/d.pid"  # those of an earlier container, in the same volume
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N "$host"

tries=0
until sinfo --noheader --format %T | grep -q '^idle'; do
    tries=$((tries + 1))
    for daemon in ctld d; do
        # A daemon writes this file some time after its start has returned.
        if [ -s "$state/$daemon.pid" ]; then
            kill -0 "$(cat "$state/$daemon.pid")"
        elif [ "$tries" -gt 120 ]; then
            echo "slurm$daemon has not started within a minute; the end of its log:" >&2
            tail "$state/$daemon.log" >&2
            exit 1
        fi
    done
    sleep 0.5
done
HOME="$(getent passwd "$user" | cut -d: -f6)"
export HOME
exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
