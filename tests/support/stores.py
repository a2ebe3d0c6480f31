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


@contextlib.contextmanager
def postgres():
    """A PostgreSQL of Debian's packages, without a port: its URI. It runs as the user that it asks
    for if we are root, and is quit by the kernel when we die."""
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    needs(programs, "PostgreSQL")
    user = "postgres" if os.getuid() == 0 else None
    # Not in this run's own folder, which that user may not enter.
    with tempfile.TemporaryDirectory(prefix="cairn-sql-") as place:
        as_user = ["/usr/bin/setpriv", "--pdeathsig=QUIT"]
        if user:
            shutil.chown(place, user)
            as_user += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        subprocess.run([*as_user, programs[-1], "-D", f"{place}/data", "-U", "cairn", "-A", "trust",
                        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, capture_output=True, timeout=SECONDS_MAX)
        process = subprocess.Popen(
            [*as_user, programs[-1].with_name("postgres"), "-D", f"{place}/data", "-k", place,
             "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # Its last line says that it takes connections.
            lines = pathlib.Path(place) / "data/postmaster.pid"
            wait_for(lambda: lines.exists() and lines.read_text().endswith("ready   \n"),
                     "PostgreSQL")
            yield f"postgresql:///postgres?user=cairn&host={place}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


# Of the conformance suite.
STORES = {"embedded": embedded, "cairn": lambda: server("cairn"), "redis": lambda: server("redis"),
          "valkey": lambda: server("valkey"), "sentinel": sentinel, "cluster": cluster}
