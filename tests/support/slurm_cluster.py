"""A real SLURM on this machine: a controller on a bridge, two compute nodes in network namespaces of their own.

With accounting, slurmdbd keeps what became of jobs in a MariaDB of its own on a unix socket.

Configuration, state, munge key and sockets lie in one folder. Nothing is ended by name: the daemons are our children, and
whatever else runs in the namespaces (jobs, their steps) is known by its namespace.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "ip", "nsenter", "unshare", "setpriv")
ACCOUNTING_PROGRAMS = ("slurmdbd", "sacct", "mariadbd", "mariadb-install-db")
NODES = ("n1", "n2")
LOGIN = "login"
"""A host without a SLURM daemon, on the same network: for drivers that a test cuts off."""
PATIENCE = 240.0
_NUMBERS = 10_000  # job numbers that one start of the controller may give

_CONFIGURATION = """\
ClusterName=tansaku
SlurmctldHost={host}({address})
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=100000
{accounting}
JobCompType=jobcomp/none
MpiDefault=none
SlurmdTimeout=5
KillWait=2
ReturnToService=2
MinJobAge=20
FirstJobId=1
MessageTimeout=4
DebugFlags=NO_CONF_HASH
{nodes}
PartitionName=main Nodes={names} Default=YES DefaultTime=30 MaxTime=60 State=UP
"""

_WITHOUT = """\
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
"""
_WITH = """\
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.sock
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,NoShared
"""
_DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
DbdHost=localhost
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_accounting
"""


def missing() -> str | None:
    """Why there can be no SLURM here, None when there can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"programs {', '.join(absent)} are not on PATH (Debian packages slurmctld slurmd slurm-client munge iproute2)"
    if os.geteuid() != 0:
        return "network namespaces and munge need root"
    tried = subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, text=True, check=False)
    return f"no network namespaces: {tried.stderr.strip()}" if tried.returncode else None


def missing_accounting() -> str | None:
    """Why there can be no accounting here, None when there can."""
    absent = [name for name in ACCOUNTING_PROGRAMS if shutil.which(name) is None]
    return f"programs {', '.join(absent)} are not on PATH (Debian packages slurmdbd mariadb-server)" if absent else missing()


class SlurmCluster:
    """Controller and nodes; :meth:`start` first, :meth:`stop` last.

    Args:
        folder: Empty folder on a short path.
        accounting: Whether slurmdbd runs.
    """

    def __init__(self, folder: Path, *, accounting: bool = False) -> None:
        self.folder = folder
        self.accounting_port = _free_port() if accounting else None
        self.tag = secrets.token_hex(3)
        self.network = self._free_network()
        self.address = f"{self.network}.1"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._before = 0

    @property
    def configuration(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What every SLURM command needs."""
        return os.environ | {"SLURM_CONF": str(self.configuration), "MYSQL_UNIX_PORT": str(self.folder / "mariadb.sock")}

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        (self.folder / "state").mkdir()
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (self.folder / "munge.key").chmod(0o600)
        nodes = "\n".join(
            f"NodeName={name} NodeAddr={self.network}.{11 + k} CPUs=1 RealMemory=4000 State=UNKNOWN"
            for k, name in enumerate(NODES)
        )
        text = _CONFIGURATION.format(
            host=socket.gethostname(),
            port=_free_port(),
            address=self.address,
            folder=self.folder,
            nodes=nodes,
            names=",".join(NODES),
            accounting=_WITHOUT
            if self.accounting_port is None
            else _WITH.format(port=self.accounting_port, folder=self.folder),
        )
        self.configuration.write_text(text)
        self._connect()
        options = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        munge = [f"--{option}={self.folder}/munge.{ending}" for option, ending in options.items()]
        self._spawn("munged", ["munged", "--foreground", "--force", *munge])
        self.wait_for(lambda: (self.folder / "munge.sock").exists(), "munge answers")
        if self.accounting_port is not None:
            self._start_accounting(self.accounting_port)
        self.start_controller()
        for name in NODES:
            self.start_node(name)
        self.wait_for(lambda: set(self.node_states().values()) == {"IDLE"}, "both nodes are idle")

    def _start_accounting(self, port: int) -> None:
        data, socket_file = self.folder / "mariadb", self.folder / "mariadb.sock"
        where = ["--no-defaults", "--user=root", f"--datadir={data}"]
        with (self.folder / "mariadb-install.out").open("wb") as output:
            install = ["mariadb-install-db", *where, "--auth-root-authentication-method=normal", "--skip-test-db"]
            subprocess.run(install, check=True, stdout=output, stderr=output)
        options = ["--skip-networking", "--innodb-buffer-pool-size=64M", f"--pid-file={self.folder}/mariadb.pid"]
        self._spawn("mariadbd", ["mariadbd", *where, *options, f"--socket={socket_file}"])
        self.wait_for(socket_file.exists, "MariaDB answers")
        configuration = self.folder / "slurmdbd.conf"
        configuration.write_text(_DATABASE.format(folder=self.folder, port=port))
        configuration.chmod(0o600)
        self._spawn("slurmdbd", ["slurmdbd", "-D"])
        self.wait_for(lambda: self._says("sacctmgr", "--immediate", "add", "cluster", "tansaku"), "slurmdbd answers")

    def _says(self, *command: str) -> bool:
        try:
            self.run(*command)
        except AssertionError:
            return False
        return True

    def forget_jobs(self) -> None:
        """Has the controller lose all it knows of jobs, as it does some minutes after each one's end."""
        self.stop_daemon("slurmctld", 9)
        shutil.rmtree(self.folder / "state")
        (self.folder / "state").mkdir()
        self.start_controller()
        self.wait_for(lambda: len(self.node_states()) == len(NODES), "the controller answers")

    def start_controller(self) -> None:
        # One that was killed before it saved its state would give numbers out again, and nodes refuse a number that they know.
        number = re.compile(r"(?<=^FirstJobId=)\d+", re.MULTILINE)
        text = self.configuration.read_text()
        self.configuration.write_text(number.sub(lambda found: str(int(found[0]) + _NUMBERS), text))
        self._spawn("slurmctld", ["slurmctld", "-D"])

    def start_node(self, name: str) -> None:
        self._spawn(name, self.on(name, "slurmd", "-D", "-N", name))

    def on(self, name: str, *command: str) -> list[str]:
        """A command as it is started on a host: in its network, and under its name."""
        # Not `ip netns exec`: it hides /sys/fs/cgroup, without which slurmd does not start.
        entered = ["nsenter", f"--net=/var/run/netns/{self._namespace(name)}", "unshare", "--uts"]
        return [*entered, "bash", "-c", 'hostname "$0" && exec "$@"', name, *command]

    def stop_daemon(self, name: str, number: int = 15) -> None:
        """Ends ``slurmctld``, ``munged`` or a node's daemon; a node's jobs live on."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        daemon.wait(PATIENCE)

    def stop(self) -> None:
        for name in list(self.daemons):
            self.stop_daemon(name, 9)
        for name in (*NODES, LOGIN):
            for process in self.processes(name):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._ip("netns", "delete", self._namespace(name), check=False)
        self._ip("link", "delete", self._bridge, check=False)

    # ---------------------------------------------------------------- asking and telling

    def run(self, *command: str) -> str:
        """Runs a SLURM command; returns what it says."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def node_states(self) -> dict[str, str]:
        try:
            lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        except AssertionError:
            return {}
        return {name: state.upper().rstrip("*") for name, state in (line.split() for line in lines)}

    def jobs(self) -> dict[str, str]:
        """States by job name, ended jobs too, of those that came since the cluster was made ready."""
        lines = self.run("squeue", "--noheader", "--states=all", "--format=%j %A %T").splitlines()
        return {name: state for name, number, state in map(str.split, lines) if int(number) > self._before}

    def told(self) -> str:
        """What it says of itself when a test has failed, in few lines: reasons of nodes, jobs, the ends of its logs."""
        asked = (("sinfo", "--Node", "--long"), ("sinfo", "--list-reasons"), ("squeue", "--long", "--states=all"))
        answers = [
            subprocess.run(one, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE).stdout
            for one in asked
        ]
        logs = [path for path in sorted(self.folder.glob("slurm*.log")) if path.is_file()]
        ends = [f"{path.name}: {line[:160]}" for path in logs for line in path.read_text(errors="replace").splitlines()[-6:]]
        return "\n".join([*answers, *ends])

    def processes(self, name: str) -> list[psutil.Process]:
        """Everything that runs in a node's network."""
        path = Path("/var/run/netns", self._namespace(name))
        if not path.exists():
            return []
        inode, found = path.stat().st_ino, []
        for process in psutil.process_iter():
            with suppress(OSError, psutil.NoSuchProcess):
                if Path(f"/proc/{process.pid}/ns/net").stat().st_ino == inode:
                    found.append(process)
        return found

    def cut_off(self, name: str) -> None:
        """Takes a host's network away; its processes go on."""
        self._ip("link", "set", self._cable(name), "down")

    def connect(self, name: str) -> None:
        self._ip("link", "set", self._cable(name), "up")

    def make_ready(self) -> None:
        """Ends all jobs and brings everything back that a test took away."""
        if "slurmctld" not in self.daemons:
            self.start_controller()
        self.connect(LOGIN)
        for name in NODES:
            self.connect(name)
            if name not in self.daemons:
                self.start_node(name)
        self.wait_for(lambda: len(self.node_states()) == len(NODES), "the controller answers")
        self.run("scancel", "--user=root", "--quiet")
        self.wait_for(lambda: not self.run("squeue", "--noheader").strip(), "no job is left")
        self.wait_for(self._all_idle, "both nodes are idle")
        numbers = self.run("squeue", "--noheader", "--states=all", "--format=%A").split()
        self._before = max([self._before, *map(int, numbers)])

    def _all_idle(self) -> bool:
        states = self.node_states()
        for name, state in states.items():
            if state.startswith(("DRAIN", "DOWN")):
                # Refused where the node's own daemon was heard of since and it is up again.
                self._says("scontrol", "update", f"NodeName={name}", "State=RESUME")
        return set(states.values()) == {"IDLE"}

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"{what}: not within {PATIENCE} s; logs are in {self.folder}"
            time.sleep(0.05)

    # ---------------------------------------------------------------- network

    @property
    def _bridge(self) -> str:
        return f"tskb{self.tag}"

    def _namespace(self, name: str) -> str:
        return f"tsk{self.tag}{name}"

    def _cable(self, name: str) -> str:
        return f"tv{self.tag}{name}"

    @staticmethod
    def _free_network() -> str:
        taken = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
        return next(net for net in (f"10.231.{secrets.randbelow(250) + 1}" for _ in range(500)) if f" {net}." not in taken)

    def _connect(self) -> None:
        self._ip("link", "add", self._bridge, "type", "bridge")
        self._ip("address", "add", f"{self.address}/24", "dev", self._bridge)
        self._ip("link", "set", self._bridge, "up")
        for k, name in enumerate((*NODES, LOGIN)):
            namespace, cable = self._namespace(name), self._cable(name)
            self._ip("netns", "add", namespace)
            self._ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            self._ip("link", "set", cable, "master", self._bridge, "up")
            self._ip("-n", namespace, "address", "add", f"{self.network}.{11 + k}/24", "dev", "eth0")
            for link in ("eth0", "lo"):
                self._ip("-n", namespace, "link", "set", link, "up")

    @staticmethod
    def _ip(*arguments: str, check: bool = True) -> None:
        subprocess.run(["ip", *arguments], check=check, capture_output=True)

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            # A test process that is killed takes its daemons along.
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def _free_port() -> int:
    """The controller listens on all addresses: another test process may have one too."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
