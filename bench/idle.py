# SPDX-License-Identifier: BSD-3-Clause
"""Ten thousand idle connections: what each holds in memory, and what all cost in processor time.

Each connection has asked for something once. Memory is the resident memory of the server beyond the
same server with a warm connection, after the allocator has had time to give back what it has to;
processor time is what the server uses in some seconds of silence, beyond what it uses with no
connections. What the kernel holds for a socket is not counted, and is the same for every server.

The same of connections over TLS, fewer, because this side has to hold them too: memory only.
docs/decisions/0020-tls.md tells what such a connection holds, and why a plain one's limit is out of
its reach.
"""

import contextlib
import resource
import socket
import ssl
import tempfile
import time

import servers
import tls
import verdict

CONNECTIONS = 10_000
BYTES_MAX = 4096
TLS_CONNECTIONS = 2_000
TLS_BYTES_MAX = 18 * 1024  # 15 KiB are OpenSSL's
PERCENT_MAX = 0.5  # of a core
REST_SECONDS = 15  # longer than the allocator keeps pages that are free


def connect(server, port=None, context=None):
    client = socket.create_connection(("127.0.0.1", port or server.port), timeout=60)
    if context:
        client = context.wrap_socket(client)
    client.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")
    if client.recv(100) != b"+OK\r\n":
        raise SystemExit(f"{server.product.name} does not take as many connections")
    return client


def percent_used(server, seconds):
    began, before = time.monotonic(), server.cpu_ns()
    time.sleep(seconds)
    return (server.cpu_ns() - before) / (time.monotonic() - began) / 1e7


def run_tls(products):
    print(f"\n== idle: {TLS_CONNECTIONS} connections over TLS 1.3 that say nothing")
    for product in products:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            tls.make_papers(folder)
            server = stack.enter_context(tls.TlsServer(product, folder))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(server.cert)
            # As many as make the parts warm that all handshakes share.
            for _ in range(20):
                connect(server, server.tls_port, context).close()
            stack.enter_context(connect(server, server.tls_port, context))
            time.sleep(2)
            alone = server.resident_bytes()
            for _ in range(TLS_CONNECTIONS):
                stack.enter_context(connect(server, server.tls_port, context))
            time.sleep(REST_SECONDS)
            each = (server.resident_bytes() - alone) / TLS_CONNECTIONS
            judged = (verdict.judge("bytes of an idle TLS connection", each, TLS_BYTES_MAX)
                      if product.name == "Cairn" else "")
            print(f"{product.name:<8}{each:>8.0f} bytes each   {judged}", flush=True)


def run(products, quick):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run_plain(products, quick)
    run_tls(products)


def run_plain(products, quick):
    print(f"\n== idle: {CONNECTIONS} connections that say nothing")
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
