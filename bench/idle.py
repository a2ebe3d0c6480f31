# SPDX-License-Identifier: BSD-3-Clause
"""Ten thousand idle connections: what each holds in memory, and what all cost in processor time.

Each connection has asked for something once. Memory is the resident memory of the server beyond the
same server with a warm connection, after the allocator has had time to give back what it has to;
processor time is what the server uses in some seconds of silence, beyond what it uses with no
connections. What the kernel holds for a socket is not counted, and is the same for every server.
"""

import contextlib
import resource
import socket
import time

import servers
import verdict

CONNECTIONS = 10_000
BYTES_MAX = 4096
PERCENT_MAX = 0.5  # of a core
REST_SECONDS = 15  # longer than the allocator keeps pages that are free


def connect(server):
    client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    client.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")
    if client.recv(100) != b"+OK\r\n":
        raise SystemExit(f"{server.product.name} does not take {CONNECTIONS} connections")
    return client


def percent_used(server, seconds):
    began, before = time.monotonic(), server.cpu_ns()
    time.sleep(seconds)
    return (server.cpu_ns() - before) / (time.monotonic() - began) / 1e7


def run(products, quick):
    print(f"\n== idle: {CONNECTIONS} connections that say nothing")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seconds = 5 if quick else 20
    for product in products:
        with servers.Server(product, ["--maxclients", str(CONNECTIONS + 100), "--io-threads", "1"],
                            ) as server, contextlib.ExitStack() as stack:
            stack.enter_context(connect(server))
            time.sleep(2)
            alone_percent, alone_bytes = percent_used(server, seconds), server.resident_bytes()
            for _ in range(CONNECTIONS):
                stack.enter_context(connect(server))
            time.sleep(REST_SECONDS)
            each = (server.resident_bytes() - alone_bytes) / CONNECTIONS
            more = percent_used(server, seconds) - alone_percent
            judged = ""
            if product.name == "Cairn":
                judged = (verdict.judge("bytes of an idle connection", each, BYTES_MAX) + "   " +
                          verdict.judge("10,000 idle connections, of a core", more, PERCENT_MAX,
                                        "%"))
            print(f"{product.name:<8}{each:>8.0f} bytes each   {more:>6.2f} % of a core more than "
                  f"without ({alone_percent:.2f} %)   {judged}", flush=True)
