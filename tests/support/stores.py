# SPDX-License-Identifier: BSD-3-Clause
"""Stores of every kind that the toolkit talks to, each with the URIs that reach it, and the
programs (tests/store_checks) that are let loose on them."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness import (BINARY, ORACLE, SANITIZED, Client, NextPort, Server, folder, needs,
                     valkey_binary, wait_for)

SECONDS_MAX = 300 if SANITIZED else 100
REDIS_CLI = shutil.which("redis-cli")


def binary_of(name):
    binary = {"cairn": BINARY, "redis": ORACLE, "valkey": valkey_binary()}[name]
    needs(binary, f"{name}-server")
    return binary


def verdicts(program, group, *uris):
    """What `program` says of a group of its cases."""
    done = subprocess.run([str(pathlib.Path(BINARY).with_name(program)), group, *uris],
                          capture_output=True, text=True, timeout=SECONDS_MAX)
    found = []
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        found.append((f"{group} {name}", why if word == "FAIL" else None))
    if done.returncode != 0 or not found:
        found.append((group, f"exit status {done.returncode}: {done.stderr[-500:]}"))
    return found


@contextlib.contextmanager
def embedded():
    yield ["embedded:"]


@contextlib.contextmanager
def server(name):
    with Server(binary=binary_of(name)) as started:
        yield [f"redis://127.0.0.1:{started.port}"]


@contextlib.contextmanager
def sentinel():
    """A master, its replica and a Sentinel. The second URI reaches the Sentinel itself."""
    binary = binary_of("redis")
    port = NextPort.take()
    with contextlib.ExitStack() as stack:
        master = stack.enter_context(Server(binary=binary))
        replica = stack.enter_context(
            Server("--replicaof", "127.0.0.1", master.port, binary=binary))
        wait_for(lambda: replica.info("replication").get("master_link_status") == "up",
                 "the replica")
        place = stack.enter_context(folder())
        config = pathlib.Path(place) / "sentinel.conf"
        config.write_text(f"port {port}\ndir {place}\n"
                          f"sentinel monitor cairn 127.0.0.1 {master.port} 1\n"
                          "sentinel down-after-milliseconds cairn 5000\n"
                          "sentinel failover-timeout cairn 20000\n")
        process = subprocess.Popen([binary, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            def knows_replica():
                try:
                    with Client(port) as client:
                        return len(client.call("SENTINEL", "replicas", "cairn")) == 1
                except OSError:
                    return False
            wait_for(knows_replica, "the Sentinel to know the replica")
            # The first Sentinel of the list is not there.
            yield [f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/cairn",
                   f"redis://127.0.0.1:{port}"]
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextlib.contextmanager
def cluster():
    """Three nodes. The first URI reaches them all, the others each."""
    binary = binary_of("redis")
    needs(REDIS_CLI, "redis-cli")
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(3):
            # The bus stands on a port of its own, which is to be one of ours, too.
            nodes.append(stack.enter_context(
                Server("--cluster-enabled", "yes", "--cluster-node-timeout", 20000,
                       "--cluster-port", NextPort.take(), binary=binary)))
        places = [f"127.0.0.1:{node.port}" for node in nodes]
        subprocess.run([REDIS_CLI, "--cluster", "create", *places, "--cluster-yes"], check=True,
                       capture_output=True, timeout=60)
        for node in nodes:
            wait_for(lambda n=node: "cluster_state:ok" in
                     n.client().call("CLUSTER", "INFO").decode(), "the cluster")
        each = (f"redis://{place}" for place in places)
        # One that is not there does no harm.
        yield [f"redis+cluster://127.0.0.1:1,{places[0]}", *each]


class Postgres:
    """A PostgreSQL of Debian's packages, without a port. It runs as the user that it asks for if we
    are root, and is quit by the kernel when we die."""

    def __init__(self, place):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        needs(programs, "PostgreSQL")
        self.program = programs[-1].with_name
        self.place = place
        self.uri = f"postgresql:///postgres?user=cairn&host={place}"
        self.as_user = ["/usr/bin/setpriv", "--pdeathsig=QUIT"]
        if os.getuid() == 0:
            shutil.chown(place, "postgres")
            self.as_user += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        subprocess.run([*self.as_user, programs[-1], "-D", f"{place}/data", "-U", "cairn", "-A",
                        "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, capture_output=True, timeout=SECONDS_MAX)
        self.process = None

    def start(self):
        """Until it takes connections. Those of one that was killed keep the next from starting for
        a bit."""
        wait_for(self.is_up, "PostgreSQL", seconds=SECONDS_MAX)

    def is_up(self):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [*self.as_user, self.program("postgres"), "-D", f"{self.place}/data", "-k",
                 self.place, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                 "shared_buffers=16MB"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Its first line says whose it is, its last one that it takes connections.
        lines = pathlib.Path(self.place) / "data/postmaster.pid"
        text = lines.read_text() if lines.exists() else ""
        return text.startswith(f"{self.process.pid}\n") and text.endswith("ready   \n")

    def kill(self):
        """With all its processes: those that serve clients would go on until they notice."""
        pid = self.process.pid
        self.process.send_signal(signal.SIGSTOP)  # it makes no more of them
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait(timeout=20)

    def query(self, script):
        """The rows of its last statement, as lists of texts."""
        said = subprocess.run([self.program("psql"), self.uri, "-XqAt", "-v", "ON_ERROR_STOP=1",
                               "-c", script], check=True, capture_output=True, text=True,
                              timeout=SECONDS_MAX)
        return [line.split("|") for line in said.stdout.splitlines()]

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=20)


@contextlib.contextmanager
def mortal_postgres():
    # Not in this run's own folder, which its user may not enter.
    with tempfile.TemporaryDirectory(prefix="cairn-sql-", ignore_cleanup_errors=True) as place:
        started = Postgres(place)
        try:
            started.start()
            yield started
        finally:
            started.stop()


@contextlib.contextmanager
def postgres():
    """Its URI."""
    with mortal_postgres() as started:
        yield started.uri


# Of the conformance suite.
STORES = {"embedded": embedded, "cairn": lambda: server("cairn"), "redis": lambda: server("redis"),
          "valkey": lambda: server("valkey"), "sentinel": sentinel, "cluster": cluster}
