# SPDX-License-Identifier: BSD-3-Clause
"""Caching: hit ratios by policy at equal memory, and the error of the live miss-ratio curve.

Each server is a read-through cache of its own: a GET, and where it misses a SET of the value. The
same trace goes to all of them at the same pace, a batch to each in turn. A key that is asked for
again in the batch that loads it counts as a hit, as a client would coalesce the loads.

Memory is made equal in keys: each server, with its policy, is filled with CACHE_KEYS keys of the
trace's shape, and what it then says to use is its maxmemory. How many keys it held at the end is
printed. Redis's LRU and ours see whole seconds, so the trace is paced; `LRU true` is an exact LRU
of CACHE_KEYS keys, by Mattson's stack distances, and what the live curve is held against.

The traces follow what the literature uses: Zipf; Zipf with scans of keys that do not come again; a
loop larger than the cache; Zipf whose popular keys change. Seeds are fixed.
"""

import bisect
import contextlib
import itertools
import random
import time

import servers
import verdict

CACHE_KEYS = 10_000
UNIVERSE = 100_000
VALUE = b"v" * 1000
BATCH = 64
WARM_UP = 0.2  # of the trace: not counted
CURVE_POINTS_MAX = 2
# What S3-FIFO may lose to the better one of Redis's. Where all that is popular changes every three
# cachefuls, whatever keeps what was popular loses to LRU.
LOSS_POINTS_MAX = {"shifting zipf": 5}
LOSS_POINTS_MAX_ELSE = 0.5


def zipf(exponent, count, seed):
    draw = random.Random(seed)
    sums = list(itertools.accumulate((rank + 1) ** -exponent for rank in range(UNIVERSE)))
    return [bisect.bisect_left(sums, draw.random() * sums[-1]) for _ in range(count)]


def scans(count):
    """Two cachefuls of Zipf, then one of keys that nobody asks for again."""
    hot, once, trace = iter(zipf(1.0, count, 2)), itertools.count(UNIVERSE), []
    while len(trace) < count:
        trace += itertools.islice(hot, 2 * CACHE_KEYS)
        trace += itertools.islice(once, CACHE_KEYS)
    return trace[:count]


def loop(count):
    return [i % (CACHE_KEYS * 3 // 2) for i in range(count)]


def shifting(count):
    """Ten times, an eighth of the ranks gives way."""
    moved = UNIVERSE // 8
    return [(key + i * 10 // count * moved) % UNIVERSE for i, key in enumerate(zipf(1.0, count, 3))]


TRACES = {
    "zipf 0.8": lambda count: zipf(0.8, count, 1),
    "zipf 1.0": lambda count: zipf(1.0, count, 4),
    "zipf and scans": scans,
    "loop of 1.5": loop,
    "shifting zipf": shifting,
}


class TrueCurve:
    """Hit ratios of LRU caches of any size: how many other keys came since, for each read."""

    def __init__(self, trace):
        self.tree = [0] * (len(trace) + 1)
        last, self.distances = {}, []
        for now, key in enumerate(trace):
            if key in last:
                self.distances.append((self.through(now) - self.through(last[key]), now))
                self.add(last[key], -1)
            last[key] = now
            self.add(now, 1)

    def add(self, at, delta):
        at += 1
        while at < len(self.tree):
            self.tree[at] += delta
            at += at & -at

    def through(self, at):
        at, count = at + 1, 0
        while at:
            count += self.tree[at]
            at &= at - 1
        return count

    def percent(self, keys, begin):
        hits = sum(distance < keys for distance, at in self.distances if at >= begin)
        return 100 * hits / (len(self.tree) - 1 - begin)


class Cache:
    """A server with a policy that holds CACHE_KEYS keys."""

    def __init__(self, product, policy, stack, draws_curve=False):
        self.name = f"{product.name} {policy.removeprefix('allkeys-')}"
        self.server = stack.enter_context(
            servers.Server(product, ["--maxmemory-policy", policy],
                           cores=(servers.SERVER_CORE, servers.LOAD_CORE)))
        self.reader = self.server.socket.makefile("rb")
        if draws_curve:
            self.server.ask("CONFIG", "SET", "cairn-miss-ratio-curve", "yes")
        self.load(range(10 ** 8, 10 ** 8 + CACHE_KEYS))
        limit = self.server.info("used_memory")
        self.server.ask("FLUSHALL")
        self.server.ask("CONFIG", "SET", "maxmemory", limit)
        self.hits = self.reads = 0

    @staticmethod
    def name_of(key):
        return b"key:%09d" % key

    def load(self, keys):
        frames = [b"*3\r\n$3\r\nSET\r\n$13\r\n%b\r\n$%d\r\n%b\r\n"
                  % (self.name_of(key), len(VALUE), VALUE) for key in keys]
        self.server.socket.sendall(b"".join(frames))
        for _ in frames:
            answer = self.reader.readline()
            assert answer == b"+OK\r\n", answer

    def ask_for(self, keys):
        self.server.socket.sendall(b"".join(b"*2\r\n$3\r\nGET\r\n$13\r\n%b\r\n" % self.name_of(key)
                                            for key in keys))

    def take(self, keys, is_counted):
        """The answers; loads what is missing."""
        missing = {}
        for key in keys:
            if self.reader.readline()[1:2] != b"-":
                self.reader.read(len(VALUE) + 2)
            else:
                missing.setdefault(key)
        self.load(missing)
        if is_counted:
            self.reads += len(keys)
            self.hits += len(keys) - len(missing)

    def percent(self):
        return 100 * self.hits / self.reads


def play(trace, caches, seconds):
    """Sends the trace at an even pace."""
    begin, warm = time.monotonic(), int(len(trace) * WARM_UP)
    for at in range(0, len(trace), BATCH):
        batch = trace[at:at + BATCH]
        for cache in caches:
            cache.ask_for(batch)
        for cache in caches:
            cache.take(batch, at >= warm)
        ahead = begin + seconds * at / len(trace) - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    return time.monotonic() - begin


def curve_of(server):
    """CACHE.MRC, RESP2: (factor, keys, percent) of each point."""
    server.socket.sendall(b"*1\r\n$9\r\nCACHE.MRC\r\n")
    reader = server.socket.makefile("rb")

    def value():
        line = reader.readline()
        if line[:1] == b"*":
            return [value() for _ in range(int(line[1:]))]
        if line[:1] == b"$":
            return reader.read(int(line[1:]) + 2)[:-2].decode()
        return line[1:-2].decode()

    def as_map(items):
        return dict(zip(items[::2], items[1::2]))

    reply = as_map(value())
    points = [as_map(point) for point in reply["curve"]]
    return float(reply["sampling-rate"]), [
        (float(point["factor"]), int(point["keys"]), 100 * float(point["hit-ratio"]))
        for point in points]


def print_curve(name, cache, truth):
    rate, points = curve_of(cache.server)
    worst = 0
    for factor, keys, percent in points:
        true = truth.percent(keys, 0)
        worst = max(worst, abs(percent - true))
        print(f"  memory x {factor:<5g}{keys:>8} keys   live {percent:6.2f} %   true {true:6.2f} %")
    judged = verdict.judge(f"live curve's error, {name}, points", worst, CURVE_POINTS_MAX)
    print(f"  one key in {1 / rate:.0f} followed, error {worst:.2f} points   {judged}", flush=True)


def run_trace(name, products, count, seconds):
    trace = TRACES[name](count)
    truth = TrueCurve(trace)
    with contextlib.ExitStack() as stack:
        caches = [Cache(products[0], "allkeys-s3fifo", stack, draws_curve=True)]
        caches += [Cache(products[0], policy, stack) for policy in ("allkeys-lru", "allkeys-lfu")]
        redis = [product for product in products if product.name == "Redis"]
        caches += [Cache(product, policy, stack) for product in redis
                   for policy in ("allkeys-lru", "allkeys-lfu")]
        caches[0].server.ask("CACHE.MRC", "RESET")
        took = play(trace, caches, seconds)
        print(f"\n== {name}: {count} reads in {took:.0f} s, {CACHE_KEYS} keys fit")
        exact = truth.percent(CACHE_KEYS, int(count * WARM_UP))
        print(f"{'LRU true':<16}{exact:>8.2f} %")
        for cache in caches:
            print(f"{cache.name:<16}{cache.percent():>8.2f} %   {cache.server.ask('DBSIZE')} keys")
        ours, best = caches[0].percent(), max((c.percent() for c in caches[3:]), default=None)
        if best is not None:
            print(f"less than the better one of Redis's: {best - ours:.2f} points   "
                  + verdict.judge(f"hit ratio lost to Redis's best, {name}, points", best - ours,
                                  LOSS_POINTS_MAX.get(name, LOSS_POINTS_MAX_ELSE)))
        print_curve(name, caches[0], truth)


def run(products, quick):
    count, seconds = (150_000, 15) if quick else (300_000, 30)
    for name in TRACES:
        run_trace(name, products, count, seconds)
