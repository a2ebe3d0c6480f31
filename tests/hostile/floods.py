# SPDX-License-Identifier: BSD-3-Clause
"""Very many of something that a client may have: keys watched or waited for, prefixes, channels,
queued commands. Each must be taken in time that grows with their number and not with its square,
hold nobody else up, and be given back when the client goes.
"""

import threading
import time

from harness import Server, check, equal, frame, wait_for

MIB = 1024 * 1024
OTHERS_WAIT_MAX = 5.0  # seconds, on a busy machine


class Bystander:
    """Another client that asks all the time; how long it waited at most."""

    def __init__(self, server):
        self.longest = 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.ask, args=(server,))
        self.thread.start()

    def ask(self, server):
        with server.client() as client:
            while not self.done.is_set():
                started = time.monotonic()
                equal(client.call("SET", "bystander", "x"), "OK")
                self.longest = max(self.longest, time.monotonic() - started)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        check(self.longest < OTHERS_WAIT_MAX, f"another client waited {self.longest:.2f} s")


def chunks(prefix, count, size=10_000):
    for start in range(0, count, size):
        yield [f"{prefix}{i}" for i in range(start, start + size)]


def blocked(server):
    return int(server.info("clients")["blocked_clients"])


def add(suite):
    """All cases, each with a server of its own."""
    @suite.case
    def WatchOfVeryManyKeys():
        with Server("--io-threads", "2") as server, Bystander(server):
            with server.client() as client:
                for _ in range(2):  # the second time all are known
                    for keys in chunks("k", 200_000):
                        equal(client.call("WATCH", *keys), "OK")
                with server.client() as other:
                    other.call("SET", "k199999", "changed")
                equal([client.call("MULTI"), client.call("PING"), client.call("EXEC")],
                      ["OK", "QUEUED", None])
                for keys in chunks("k", 200_000):
                    client.call("WATCH", *keys)
            wait_for(lambda: server.connected_clients() == 1, "the watcher to be gone")

    @suite.case
    def BroadcastOfVeryManyPrefixes():
        with Server("--io-threads", "2") as server, Bystander(server):
            with server.client() as listener, server.client() as client:
                number = listener.call("CLIENT", "ID")
                listener.call("SUBSCRIBE", "__redis__:invalidate")
                words = [w for keys in chunks("p", 100_000) for k in keys
                         for w in ("PREFIX", k + ":")]
                equal(client.call("CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", number, *words),
                      "OK")
                equal(str(client.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "p500:x")),
                      "ERR Prefix 'p500:x' overlaps with an existing prefix 'p500:'. Prefixes for a"
                      " single client must not overlap.")
                for i in range(0, 100_000, 100):
                    equal(client.call("SET", f"p{i}:x", "v"), "OK")
                equal([listener.read()[2] for _ in range(1000)],
                      [[b"p%d:x" % i] for i in range(0, 100_000, 100)])

    @suite.case
    def SubscriptionsThatNobodyReads():
        with Server("--client-output-buffer-limit", "pubsub 4mb 0 0") as server:
            before = server.rss()
            with server.client(receive_bytes=4096) as client:
                try:
                    for names in chunks("channel-", 400_000):
                        client.send(frame("SUBSCRIBE", *names))
                except ConnectionError:
                    pass
                wait_for(lambda: server.connected_clients() == 0, "it to be closed")
            equal(server.info("stats")["client_output_buffer_limit_disconnections"], "1")
            server.check_growth(before, 128 * MIB)
            with server.client() as other:
                equal(other.call("PUBSUB", "CHANNELS"), [])

    @suite.case
    def QueueOfVeryManyCommands():
        with Server("--client-query-buffer-limit", "1mb") as server:
            before = server.rss()
            with server.client() as client:
                client.call("MULTI")
                client.send(frame("SET", "key", "value") * 100_000)
                check(len(client.rest()) < 100_000 * len("+QUEUED\r\n"), "no limit")
            server.check_growth(before, 32 * MIB)
        with Server() as server, server.client() as client, Bystander(server):
            equal(client.call("MULTI"), "OK")
            for _ in range(20):
                client.send(frame("INCR", "n") * 10_000)
                equal({client.read() for _ in range(10_000)}, {"QUEUED"})
            equal(client.call("EXEC"), list(range(1, 200_001)))

    @suite.case
    def WaitingForVeryManyKeysAndGone():
        with Server("--io-threads", "2") as server, Bystander(server):
            keys = [f"q{i}" for i in range(100_000)]
            for command in "BLPOP", "BZPOPMAX":
                with server.client() as client:
                    client.send(frame(command, *keys, 0))
                    wait_for(lambda: blocked(server) == 1, "it to wait")
                wait_for(lambda: blocked(server) == 0, "it to be gone")
            with server.client() as client, server.client() as other:
                client.send(frame("BLPOP", *["same"] * 100_000, 0))
                wait_for(lambda: blocked(server) == 1, "it to wait")
                equal(other.call("RPUSH", "same", "a", "b"), 2)
                equal(client.read(), [b"same", b"a"])
                equal(other.call("LRANGE", "same", 0, -1), [b"b"])

    @suite.case
    def GiantArguments():
        with Server() as server, server.client() as client:
            fields = [w for i in range(200_000) for w in (f"f{i}", "v")]
            client.call("XADD", "x", "1-1", *fields)
            equal(len(client.call("XRANGE", "x", "-", "+")[0][1]), 400_000)
            equal(client.call("HSET", "h", *fields), 200_000)
            equal(client.call("HSET", "h", "large", b"v" * 50 * MIB), 1)
            equal(client.call("XADD", "x", "2-1", "large", b"v" * 50 * MIB), b"2-1")
            equal(client.call("HSTRLEN", "h", "large"), 50 * MIB)
            equal(client.call("DEL", "x", "h"), 2)

    @suite.case
    def WhoKillsHimselfInsideMulti():
        with Server() as server, server.client() as client, server.client() as other:
            number = client.call("CLIENT", "ID")
            client.call("MULTI")
            client.call("SET", "a", 1)
            client.call("CLIENT", "KILL", "ID", number, "SKIPME", "no")
            client.call("SET", "b", 2)
            client.send(frame("EXEC") + frame("SET", "c", 3))
            check(client.rest().startswith(b"*3\r\n+OK\r\n:1\r\n"), "EXEC is answered")
            equal(other.call("MGET", "a", "b", "c"), [b"1", b"2", None])
