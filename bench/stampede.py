# SPDX-License-Identifier: BSD-3-Clause
"""A stampede: a thousand readers at once ask for a hot key that has just expired, and its load
takes 50 ms.

Four kinds of reader, each as it is written in the field:

  plain    GET; who misses loads, and SETs
  lock     GET; who misses takes a lock by SET NX and loads; the others ask again every 10 ms
  lease    CACHE.GET key LEASE WAIT: one loads, the others are answered when it is done
  stale    the same with STALE, of a value that is kept beyond its time: nobody waits but the loader

All readers are connections of one process, on the core of its own; it begins them as fast as it can
and answers take their turn in it, which costs each kind the same and is in its latencies. The load
is a timer, so a thousand loads at once take no longer than one: a database would do worse.
"""

import heapq
import selectors
import socket
import statistics
import time

import servers
import verdict

READERS = 1000
LOAD_MS = 50
POLL_MS = 10
KEY = "hot"
LOADS_MAX = 1
P99_SHARE_MAX = 1.0  # of the lock's


def frame(*words):
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Sleep:
    def __init__(self, milliseconds):
        self.seconds = milliseconds / 1000


class Tally:
    def __init__(self):
        self.loads = 0
        self.commands = 0
        self.latencies_ms = []


def plain(tally, _):
    if (yield frame("GET", KEY)) is None:
        tally.loads += 1
        yield Sleep(LOAD_MS)
        yield frame("SET", KEY, "value", "PX", 600_000)


def lock(tally, number):
    while (yield frame("GET", KEY)) is None:
        if (yield frame("SET", "lock", number, "NX", "PX", 5000)) is None:
            yield Sleep(POLL_MS)
            continue
        # Somebody may have loaded it before this one had the lock.
        if (yield frame("GET", KEY)) is None:
            tally.loads += 1
            yield Sleep(LOAD_MS)
            yield frame("SET", KEY, "value", "PX", 600_000)
        yield frame("DEL", "lock")
        return


def with_lease(*consent):
    def lease(tally, _):
        token = (yield frame("CACHE.GET", KEY, "LEASE", 5000, "WAIT", 5000, *consent))[2]
        if token is not None:
            tally.loads += 1
            yield Sleep(LOAD_MS)
            reply = yield frame("CACHE.SET", KEY, "value", "TOKEN", token, "TTL", 600_000)
            if reply != b"OK":
                raise SystemExit(f"a fill is refused: {reply}")
    return lease


def set_expired(server):
    server.ask("SET", KEY, "value", "PX", 1)
    while server.ask("EXISTS", KEY):
        time.sleep(0.001)


def set_stale(server):
    server.ask("CACHE.SET", KEY, "value", "TTL", 1, "STALE", 600_000)
    time.sleep(0.005)


KINDS = {
    "plain": (plain, set_expired),
    "lock": (lock, set_expired),
    "lease": (with_lease(), set_expired),
    "stale": (with_lease("STALE"), set_stale),
}


class Reader:
    """A connection, and what its reader is about to do."""

    def __init__(self, port, number):
        self.number = number
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.steps = None
        self.began = 0.0

    def take(self):
        """The reply that has come: all of them here are short, and come one by one."""
        self.buffer += self.socket.recv(4096)
        try:
            reply, rest = parse(self.buffer)
        except (IndexError, ValueError):
            return False, None
        self.buffer = rest
        return True, reply


def parse(data):
    line, rest = data.split(b"\r\n", 1)
    kind, text = line[:1], line[1:]
    if kind == b"+":
        return text, rest
    if kind == b":":
        return int(text), rest
    if kind == b"$":
        if text == b"-1":
            return None, rest
        size = int(text)
        if len(rest) < size + 2:
            raise ValueError
        return rest[:size], rest[size + 2:]
    if kind == b"*":
        items = []
        for _ in range(int(text)):
            item, rest = parse(rest)
            items.append(item)
        return items, rest
    raise SystemExit(f"the server says {data!r}")


class Crowd:
    """All readers, and the loop that serves them."""

    def __init__(self, server):
        self.selector = selectors.DefaultSelector()
        self.readers = [Reader(server.port, number) for number in range(READERS)]
        for reader in self.readers:
            self.selector.register(reader.socket, selectors.EVENT_READ, reader)
        self.timers = []
        self.left = 0
        self.tally = None

    def close(self):
        for reader in self.readers:
            reader.socket.close()
        self.selector.close()

    def run(self, kind):
        """One stampede."""
        self.tally, self.left = Tally(), READERS
        for number, reader in enumerate(self.readers):
            reader.steps = kind(self.tally, number)
            reader.began = time.monotonic()
            self.go_on(reader, None)
        while self.left:
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                self.go_on(self.readers[heapq.heappop(self.timers)[1]], None)
            wait = self.timers[0][0] - now if self.timers else 10
            for key, _ in self.selector.select(max(0, wait)):
                is_whole, reply = key.data.take()
                if is_whole:
                    self.go_on(key.data, reply)
        return self.tally

    def go_on(self, reader, reply):
        try:
            step = reader.steps.send(reply)
        except StopIteration:
            self.tally.latencies_ms.append(1000 * (time.monotonic() - reader.began))
            self.left -= 1
            return
        if isinstance(step, Sleep):
            entry = (time.monotonic() + step.seconds, reader.number)
            heapq.heappush(self.timers, entry)
            return
        self.tally.commands += 1
        reader.socket.sendall(step)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(server, name, rounds):
    kind, prepare = KINDS[name]
    crowd = Crowd(server)
    tallies = []
    for _ in range(rounds):
        server.ask("FLUSHALL")
        prepare(server)
        tallies.append(crowd.run(kind))
    crowd.close()
    loads = max(tally.loads for tally in tallies)
    commands = statistics.median(tally.commands for tally in tallies)
    median_ms = statistics.median(percentile(t.latencies_ms, 0.5) for t in tallies)
    p99_ms = statistics.median(percentile(t.latencies_ms, 0.99) for t in tallies)
    print(f"{name:<8}{loads:>8}{commands:>12.0f}{median_ms:>12.1f}{p99_ms:>12.1f}", flush=True)
    return loads, p99_ms


def run(products, quick):
    rounds = 3 if quick else 10
    print(f"\n== stampede: {READERS} readers of an expired key, a load of {LOAD_MS} ms, "
          f"{rounds} rounds")
    print(f"{'':<8}{'loads':>8}{'commands':>12}{'median ms':>12}{'p99 ms':>12}")
    with servers.Server(products[0]) as server:
        figures = {name: measure(server, name, rounds) for name in KINDS}
    for name in ("lease", "stale"):
        loads, p99_ms = figures[name]
        print(f"{name}: loads   " + verdict.judge(f"stampede, {name}: loads", loads, LOADS_MAX))
        print(f"{name}: p99 beside the lock's   " + verdict.judge(
            f"stampede, {name}: p99 beside a SET NX lock's", p99_ms / figures["lock"][1],
            P99_SHARE_MAX))
