# SPDX-License-Identifier: BSD-3-Clause
"""What TLS costs: processor time an operation beside Debian's redis-server, built with TLS.

Both servers run at once on one core with the same certificate (P-256); redis-benchmark --tls loads
them in turn from another, round by round. The load is heavy, so that operations a second say more
of it than of them; the server's processor time is what is compared, over a number of operations
that is the same for both. Handshakes are full ones, TLS 1.3, by Python's ssl.
"""

import contextlib
import socket
import ssl
import subprocess
import tempfile
from statistics import median

import servers
import verdict

LIMIT = 1.5  # of our processor time to Redis's
CLIENTS = 50
# Name, words of redis-benchmark, operations a round. SET comes first, so that GET finds something.
CELLS = [
    ("SET P=1", ["-P", "1", "-d", "64", "-t", "set"], 60_000),
    ("GET P=1", ["-P", "1", "-d", "64", "-t", "get"], 60_000),
    ("SET P=16", ["-P", "16", "-d", "64", "-t", "set"], 500_000),
    ("GET P=16", ["-P", "16", "-d", "64", "-t", "get"], 500_000),
    ("SET 100 kB", ["-P", "1", "-d", "100000", "-t", "set"], 10_000),
    ("GET 100 kB", ["-P", "1", "-d", "100000", "-t", "get"], 10_000),
]
HANDSHAKES = 1000


def make_papers(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", f"{folder}/key", "-out", f"{folder}/cert"],
                   check=True, capture_output=True)


class TlsServer(servers.Server):
    """A server with a second port, on which it speaks TLS."""

    def __init__(self, product, folder):
        self.cert = f"{folder}/cert"
        super().__init__(product, [
            "--io-threads", "1", "--tls-cert-file", self.cert, "--tls-key-file", f"{folder}/key",
            "--tls-ca-cert-file", self.cert, "--tls-auth-clients", "no"])
        # Another than the plain one, since that is taken now.
        self.tls_port = servers.free_port()
        self.ask("CONFIG", "SET", "tls-port", self.tls_port)

    def benchmark(self, words, operations):
        """Processor time an operation, in microseconds."""
        before = self.cpu_ns()
        subprocess.run(
            ["taskset", "-c", str(servers.LOAD_CORE), "redis-benchmark", "-p", str(self.tls_port),
             "--tls", "--cacert", self.cert, "-c", str(CLIENTS), "-r", "10000", "-n",
             str(operations), "-q", *words], capture_output=True, timeout=540, check=True)
        return (self.cpu_ns() - before) / 1000 / operations

    def handshakes(self, count):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.cert)
        before = self.cpu_ns()
        for _ in range(count):
            with context.wrap_socket(
                    socket.create_connection(("127.0.0.1", self.tls_port))) as client:
                client.sendall(b"PING\r\n")
                client.recv(100)
        return (self.cpu_ns() - before) / 1000 / count


def run(products, quick):
    print(f"\n== tls: server CPU an operation, {CLIENTS} clients, redis-benchmark --tls")
    pair = [p for p in products if p.name in ("Cairn", "Redis")]
    if len(pair) < 2:
        print("left out: no redis-server")
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        make_papers(folder)
        running = [stack.enter_context(TlsServer(product, folder)) for product in pair]
        cells = [(name, lambda server, w=words, n=operations: server.benchmark(
            w, n // 4 if quick else n)) for name, words, operations in CELLS]
        cells.append(("handshake", lambda server: server.handshakes(
            HANDSHAKES // 4 if quick else HANDSHAKES)))
        for name, measure in cells:
            rounds = [[measure(server) for server in running] for _ in range(3 if quick else 5)]
            ratios = sorted(ours / theirs for ours, theirs in rounds)
            judged = verdict.judge(f"{name} over TLS: CPU to Redis's", median(ratios), LIMIT)
            print(f"{name:<12} Cairn {median(r[0] for r in rounds):8.2f} µs   "
                  f"Redis {median(r[1] for r in rounds):8.2f} µs   {median(ratios):5.2f} "
                  f"({ratios[0]:.2f}..{ratios[-1]:.2f})   {judged}", flush=True)
