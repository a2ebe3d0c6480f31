#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What others wait while one client runs commands over a million elements, without a pause.

    bench/heavy.py [--elements N] [--seconds S] [--before PATH] [--only NAME] [--alone]

A server with one worker, so that everybody is on the same one. A process sends GET, SET or PING of
keys in other stripes, one after the other, and notes how long each takes; another one sends a heavy
command again as soon as it has the answer. Beside Cairn: Valkey and Redis, and, with --before, a
cairn-server without the lane. Times are the client's, in milliseconds.

Two cores are few for a worker, two threads of the lane and two clients: with other work on the
machine the figures tell of its scheduler. The row `nothing` shows how much.
"""

import argparse
import functools
import multiprocessing
import os
import pathlib
import socket
import sys
import time

sys.dont_write_bytecode = True

import servers

CHUNK = 500
PROBE_MS = 0.5


def frame(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


# How one element stands in the call that adds it, by command.
FILLS = {
    "set": ("SADD", lambda i: [f"member:{i}"]),
    "hash": ("HSET", lambda i: [f"field:{i}", f"value:{i}"]),
    "zset": ("ZADD", lambda i: [i, f"member:{i}"]),
    "list": ("RPUSH", lambda i: [f"element:{i}"]),
}

MANY = 100_000  # arguments, or commands of a transaction
HUGE = 512 * 1024 * 1024 - 1
LARGE = b"x" * 100_000_000
# What DUMP says of the collections of a server that was filled, by key.
PAYLOADS = {}


def large(*words):
    """The same as frame, in pieces: what is large stands in memory once."""
    pieces = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        head = b"$%d\r\n" % len(word)
        pieces += [head, word, b"\r\n"] if word is LARGE else [head + word + b"\r\n"]
    return pieces


def many(*head, per=lambda i: [f"w:{i}"]):
    return frame(*head, *[word for i in range(MANY) for word in per(i)])


def transaction(*words):
    """MULTI, the words MANY times or just once, EXEC; the answer to it all ends with EXEC's."""
    return frame("MULTI") + b"".join(words) + frame("EXEC")


def with_large():
    """By name, as heavy(): commands with an argument, or an element, of a hundred megabytes."""
    key = "{large}k"
    listening = [frame("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"),
                 frame("HELLO", 3), frame("SUBSCRIBE", "news")]
    gone, begin = frame("DEL", key), frame("MULTI")
    pushed = [gone, large("RPUSH", key, LARGE)]
    kept = [gone, large("HSET", key, "f", LARGE)]
    stored = [gone, large("SET", key, LARGE)]
    return {
        "SET string": ([], [large("SET", key, LARGE)]),
        "SETEX large": ([], [large("SETEX", key, 1000, LARGE)]),
        "GETSET large": ([], [large("GETSET", key, LARGE)]),
        "SET large GET": ([], [large("SET", key, LARGE, "GET")]),
        "GETDEL large": (stored, [frame("GETDEL", key)]),
        "APPEND large": ([frame("SET", key, "x")], [large("APPEND", key, LARGE)]),
        "APPEND to large": (stored, [frame("APPEND", key, "x")]),
        "SETRANGE large": ([], [large("SETRANGE", key, 5, LARGE)]),
        "SETRANGE in large": (stored, [frame("GET", key) + frame("SETRANGE", key, 5, "x")]),
        "DIGEST large": (stored, [frame("DIGEST", key)]),
        "MSET large": ([], [large("MSET", key, LARGE, key + "2", LARGE, key + "3", LARGE)]),
        "EXEC large": ([], [[begin, *large("SET", key, LARGE), frame("EXEC")]]),
        "EXEC larges": ([gone], [[begin, *large("RPUSH", key, LARGE),
                                  *large("APPEND", key + "2", LARGE), frame("EXEC")],
                                 frame("DEL", key + "2")]),
        "DISCARD large": ([], [[begin, *large("SET", key, LARGE), frame("DISCARD")]]),
        "RPUSH large": ([gone], [large("RPUSH", key, LARGE)]),
        "LSET large": (pushed, [large("LSET", key, 0, LARGE)]),
        "LINSERT large": ([gone, frame("RPUSH", key, "x")],
                          [large("LINSERT", key, "BEFORE", "x", LARGE)]),
        "LRANGE large": (pushed, [frame("LRANGE", key, 0, -1)]),
        "LPOP large": (pushed, [frame("LPOP", key)]),
        "DEL large list": (pushed, [gone]),
        "HSET large": ([gone], [large("HSET", key, "f", LARGE)]),
        "HGET large": (kept, [frame("HGET", key, "f")]),
        "HDEL large": (kept, [frame("HDEL", key, "f")]),
        "SADD large": ([gone], [large("SADD", key, LARGE)]),
        "SISMEMBER large": ([], [large("SISMEMBER", key, LARGE)]),
        "ZADD large": ([gone], [large("ZADD", key, 1, LARGE)]),
        "XADD large": ([gone], [large("XADD", key, "*", "f", LARGE)]),
        "PFADD large": ([gone], [large("PFADD", key, LARGE)]),
        "GET large key": ([], [large("GET", LARGE)]),
        "ECHO large": ([], [large("ECHO", LARGE)]),
        "PUBLISH large": (listening, [large("PUBLISH", "news", LARGE)]),
        "unknown large": ([], [large("NOTHING", LARGE)]),
    }

def copied(kind, *after):
    """What changes a huge value, and the copy it is done to."""
    return [frame("COPY", kind, "{%s}2" % kind, "REPLACE")], [frame(*words) for words in after]


def plain(*after):
    return [], [frame(*words) for words in after]


# Their keys lie in all stripes: beside them only PING waits for nothing but the worker.
EVERY_STRIPE = ("MSET many", "MSETNX many", "MGET many", "EXISTS many", "DEL many", "PFMERGE",
                "PFCOUNT", "WATCH many", "FLUSHALL", "SWAPDB")


# By name: what is sent before, and what is timed. Both are run again and again.
@functools.cache
def heavy():
    half = 500_000
    stream_half = f"{half}-0"
    return {
        "nothing": plain(),
        "SMEMBERS": plain(("SMEMBERS", "set")),
        "HGETALL": plain(("HGETALL", "hash")),
        "LRANGE": plain(("LRANGE", "list", 0, -1)),
        "LINDEX": plain(("LINDEX", "list", half)),
        "ZRANGE": plain(("ZRANGE", "zset", 0, -1, "WITHSCORES")),
        "ZRANGEBYLEX": plain(("ZRANGEBYLEX", "zset", "-", "+")),
        "ZCOUNT": plain(("ZCOUNT", "zset", "-inf", "+inf")),
        "XRANGE": plain(("XRANGE", "stream", "-", "+")),
        "XREAD": plain(("XREAD", "STREAMS", "stream", 0)),
        "XREAD BLOCK": plain(("XREAD", "BLOCK", 10, "STREAMS", "stream", 0)),
        "XLEN": plain(("XLEN", "stream")),
        "XINFO FULL": plain(("XINFO", "STREAM", "stream", "FULL", "COUNT", 0)),
        "SORT": plain(("SORT", "zset", "ALPHA", "LIMIT", 0, 10)),
        "SORT BY": plain(("SORT", "set", "BY", "w_*", "LIMIT", 0, 10)),
        "SORT STORE": plain(("SORT", "list", "ALPHA", "STORE", "{list}s")),
        "SINTER": plain(("SINTER", "set", "{set}b")),
        "SINTERCARD": plain(("SINTERCARD", 2, "set", "{set}b")),
        "SUNION": plain(("SUNION", "set", "{set}b")),
        "SDIFF": plain(("SDIFF", "set", "{set}b")),
        "SUNIONSTORE": plain(("SUNIONSTORE", "{set}3", "set", "{set}b")),
        "SINTERSTORE": plain(("SINTERSTORE", "{set}3", "set", "{set}b")),
        "SDIFFSTORE": plain(("SDIFFSTORE", "{set}3", "set", "nothing")),
        "ZUNION": plain(("ZUNION", 2, "zset", "set")),
        "ZINTER": plain(("ZINTER", 2, "zset", "{zset}b")),
        "ZUNIONSTORE": plain(("ZUNIONSTORE", "{zset}3", 2, "zset", "{zset}b")),
        "ZRANGESTORE": plain(("ZRANGESTORE", "{zset}2", "zset", 0, -1)),
        "GEOSEARCH": plain(("GEOSEARCH", "geo", "FROMLONLAT", 0, 0, "BYRADIUS", 20000, "km",
                            "ASC", "COUNT", 10)),
        "GEOSEARCHSTORE": plain(("GEOSEARCHSTORE", "{geo}2", "geo", "FROMLONLAT", 0, 0,
                                 "BYRADIUS", 20000, "km")),
        "LPOS": plain(("LPOS", "list", "nothing")),
        "LINSERT": plain(("LINSERT", "list", "BEFORE", "nothing", "x")),
        "LREM": plain(("LREM", "list", 0, "nothing")),
        "LSET": plain(("LSET", "list", half, f"element:{half}")),
        "LTRIM": copied("list", ("LTRIM", "{list}2", half, half)),
        "LPOP count": copied("list", ("LPOP", "{list}2", 900_000)),
        "BLMPOP": copied("list", ("BLMPOP", 1, 1, "{list}2", "LEFT", "COUNT", 900_000)),
        "SPOP count": copied("set", ("SPOP", "{set}2", 900_000)),
        "SRANDMEMBER": plain(("SRANDMEMBER", "set", 900_000)),
        "SRANDMEMBER -": plain(("SRANDMEMBER", "set", -1_000_000)),
        "HRANDFIELD": plain(("HRANDFIELD", "hash", 900_000)),
        "ZREMRANGEBYRANK": copied("zset", ("ZREMRANGEBYRANK", "{zset}2", 1, -2)),
        "ZREMRANGEBYSCORE": copied("zset", ("ZREMRANGEBYSCORE", "{zset}2", 1, "(900000")),
        "ZPOPMIN": copied("zset", ("ZPOPMIN", "{zset}2", 900_000)),
        "BZMPOP": copied("zset", ("BZMPOP", 1, 1, "{zset}2", "MIN", "COUNT", 900_000)),
        "XTRIM": copied("stream", ("XTRIM", "{stream}2", "MAXLEN", 10)),
        "XADD MAXLEN": copied("stream", ("XADD", "{stream}2", "MAXLEN", 10, "*", "f", "v")),
        "XDEL": plain(("XDEL", "stream", stream_half)),
        "XREADGROUP": plain(("XGROUP", "CREATE", "stream", "g", 0),
                            ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">"),
                            ("XPENDING", "stream", "g", "-", "+", 1_000_000),
                            ("XAUTOCLAIM", "stream", "g", "d", 0, 0, "COUNT", 900_000),
                            ("XGROUP", "DELCONSUMER", "stream", "g", "c"),
                            ("XGROUP", "DESTROY", "stream", "g")),
        "DEL set": copied("set", ("DEL", "{set}2")),
        "UNLINK zset": copied("zset", ("UNLINK", "{zset}2")),
        "DEL list": copied("list", ("DEL", "{list}2")),
        "DEL hash": copied("hash", ("DEL", "{hash}2")),
        "DEL stream": copied("stream", ("DEL", "{stream}2")),
        "EXPIRE": copied("set", ("PEXPIRE", "{set}2", 1), ("GET", "{set}1"), ("EXISTS", "{set}2")),
        "RENAME over": copied("set", ("SET", "{set}1", 1), ("RENAME", "{set}1", "{set}2")),
        "SET over": copied("hash", ("SET", "{hash}2", 1)),
        "RENAME": copied("hash", ("RENAME", "{hash}2", "elsewhere")),
        "COPY": plain(("COPY", "set", "{set}2", "REPLACE")),
        "COPY hash": plain(("COPY", "hash", "{hash}2", "REPLACE")),
        "COPY stream": plain(("COPY", "stream", "{stream}2", "REPLACE")),
        "MEMORY USAGE": plain(("MEMORY", "USAGE", "hash", "SAMPLES", 0),
                              ("MEMORY", "USAGE", "zset", "SAMPLES", 0),
                              ("MEMORY", "USAGE", "stream", "SAMPLES", 0)),
        "OBJECT": plain(("OBJECT", "ENCODING", "set"), ("OBJECT", "FREQ", "set"),
                        ("OBJECT", "IDLETIME", "set")),
        "MEMORY STATS": plain(("MEMORY", "STATS")),
        "INFO": plain(("INFO", "everything")),
        "KEYS": plain(("KEYS", "nothing*")),
        "KEYS *": plain(("KEYS", "*")),
        "SCAN COUNT": plain(("SCAN", 0, "COUNT", 1_000_000)),
        "SSCAN COUNT": plain(("SSCAN", "set", 0, "COUNT", 1_000_000)),
        "HSCAN COUNT": plain(("HSCAN", "hash", 0, "COUNT", 1_000_000)),
        "ZSCAN COUNT": plain(("ZSCAN", "zset", 0, "COUNT", 1_000_000)),
        "BITCOUNT": plain(("BITCOUNT", "bits")),
        "BITPOS": plain(("BITPOS", "bits", 1)),
        "BITOP": plain(("BITOP", "NOT", "{bits}2", "bits")),
        "SETRANGE": plain(("DEL", "{bits}3"), ("SETRANGE", "{bits}3", HUGE, "x")),
        "SETBIT over": plain(("SETBIT", "bits", 8 * HUGE, 0)),
        "APPEND": plain(("APPEND", "{bits}4", "x")),
        **with_large(),
        **{f"DUMP {key}": plain(("DUMP", key)) for key in (*FILLS, "stream")},
        **{f"RESTORE {key}": plain(("RESTORE", "{%s}2" % key, 0, PAYLOADS.get(key, b""), "REPLACE"))
           for key in (*FILLS, "stream")},
        "DEL string": ([frame("SETRANGE", "{bits}5", HUGE, "x")], [frame("DEL", "{bits}5")]),
        "GETRANGE": plain(("GETRANGE", "bits", 0, 100_000_000)),
        "GET": plain(("GET", "bits")),
        "COPY string": plain(("COPY", "bits", "{bits}2", "REPLACE")),
        "STRLEN": plain(("STRLEN", "bits"), ("GETBIT", "bits", 5)),
        "LCS": plain(("LCS", "lcs1", "{lcs1}2", "LEN")),
        "PFMERGE": ([], [many("PFMERGE", "{hll}to", per=lambda i: [f"{{hll}}{i % 1000}"])]),
        "PFCOUNT": ([], [many("PFCOUNT", per=lambda i: [f"{{hll}}{i % 1000}"])]),
        "PFADD many": ([], [many("PFADD", "{hll}add")]),
        "MSET many": ([], [many("MSET", per=lambda i: [f"m:{i}", i])]),
        "MSETNX many": ([], [many("MSETNX", per=lambda i: [f"m:{i}", i])]),
        "MGET many": ([], [many("MGET", per=lambda i: [f"m:{i}"])]),
        "EXISTS many": ([], [many("EXISTS", per=lambda i: [f"m:{i}"])]),
        "DEL many": ([many("MSET", per=lambda i: [f"m:{i}", i])],
                     [many("DEL", per=lambda i: [f"m:{i}"])]),
        "SADD many": ([], [many("SADD", "{many}set"), frame("DEL", "{many}set")]),
        "SREM many": ([], [many("SREM", "set")]),
        "SMISMEMBER many": ([], [many("SMISMEMBER", "set")]),
        "HSET many": ([], [many("HSET", "{many}hash", per=lambda i: [f"f:{i}", i]),
                           frame("DEL", "{many}hash")]),
        "HMGET many": ([], [many("HMGET", "hash")]),
        "ZADD many": ([], [many("ZADD", "{many}zset", per=lambda i: [i, f"w:{i}"]),
                           frame("DEL", "{many}zset")]),
        "ZMSCORE many": ([], [many("ZMSCORE", "zset")]),
        "RPUSH many": ([], [many("RPUSH", "{many}list"), frame("DEL", "{many}list")]),
        "GEOADD many": ([], [many("GEOADD", "{many}geo", per=lambda i: [i % 180, i % 80, f"w:{i}"]),
                             frame("DEL", "{many}geo")]),
        "XADD many": ([], [many("XADD", "{many}stream", "*", per=lambda i: [f"f:{i}", i]),
                           frame("DEL", "{many}stream")]),
        "XDEL many": ([], [many("XDEL", "stream", per=lambda i: [f"{i}-7"])]),
        "EXEC many": ([], [transaction(*[frame("SET", f"{{exec}}{i % 1000}", i)
                                         for i in range(MANY)])]),
        "EXEC heavy": ([], [transaction(frame("SMEMBERS", "set"))]),
        "WATCH many": ([], [many("WATCH", per=lambda i: [f"m:{i}"]), frame("UNWATCH")]),
        "FLUSHALL": ([frame("SELECT", 1), *[many("MSET", per=lambda i, k=k: [f"f{k}:{i}", i])
                                            for k in range(3)]],
                     [frame("FLUSHDB"), frame("SELECT", 0)]),
        "SWAPDB": plain(("SWAPDB", 2, 3)),
        "DEBUG": plain(("DEBUG", "OBJECT", "hash"), ("DEBUG", "DIGEST-VALUE", "hash")),
    }


class Wire:
    """A connection that counts whole replies, fast, without looking into them."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def call(self, data):
        """Sends and waits until the answer and that of a PING behind it have come."""
        for piece in [data] if isinstance(data, bytes) else data:
            self.socket.sendall(piece)
        self.socket.sendall(b"*2\r\n$4\r\nECHO\r\n$7\r\n@@end@@\r\n")
        tail = b""
        while not tail.endswith(b"@@end@@\r\n"):
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise SystemExit("the server closed the connection")
            tail = (tail + bytes(self.buffer[max(0, got - 16):got]))[-16:]


def fill(port, elements):
    wire = Wire(port)

    def send(frames):
        batch = []
        for data in frames:
            batch.append(data)
            if len(batch) == 50:
                wire.call(b"".join(batch))
                batch.clear()
        wire.call(b"".join(batch))

    def steps():
        return range(0, elements, CHUNK)
    for key, (command, words_of) in FILLS.items():
        send(frame(command, key, *[w for i in range(first, min(elements, first + CHUNK))
                                   for w in words_of(i)]) for first in steps())
    send(frame("SADD", "{set}b", *[f"member:{2 * i}" for i in range(first, first + CHUNK)])
         for first in steps())
    send(frame("ZADD", "{zset}b", *[w for i in range(first, first + CHUNK)
                                    for w in (i, f"member:{2 * i}")]) for first in steps())
    send(frame("GEOADD", "geo", *[w for i in range(first, first + CHUNK)
                                  for w in (i % 35_999 / 100 - 180, i % 17_011 / 100 - 85, i)])
         for first in steps())
    send(frame("XADD", "stream", f"{i + 1}-0", "field", f"value:{i}") for i in range(elements))
    send(frame("MSET", *[w for i in range(first, first + CHUNK) for w in (f"key:{i}", i)])
         for first in steps())
    send(frame("PFADD", f"{{hll}}{i}", i, i + 1) for i in range(1000))
    wire.call(frame("SETRANGE", "bits", HUGE, "x"))
    wire.call(frame("SETRANGE", "{bits}4", 400_000_000, "x"))
    wire.call(frame("SET", "lcs1", "ab" * 4000) + frame("SET", "{lcs1}2", "abc" * 3000))


def dump(port, key):
    with socket.create_connection(("127.0.0.1", port)) as wire, wire.makefile("rb") as answer:
        wire.sendall(frame("DUMP", key))
        return answer.read(int(answer.readline()[1:]))


def press(port, case, stop, times):
    os.nice(10)  # reading a million elements shall not keep the others from a core
    before, timed = heavy()[case]
    wire = Wire(port)
    while not stop.is_set():
        for data in before:
            wire.call(data)
        began = time.perf_counter()
        for data in timed:
            wire.call(data)
        times.put((time.perf_counter() - began) * 1000)


def queued_ms(stat):
    """How long the thread has stood in the scheduler's queue, so far."""
    stat.seek(0)
    return int(stat.read().split()[1]) / 1e6


def worker_stat(pid):
    """The scheduler's figures of the one worker."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("worker-0"):
            return open(task / "schedstat", "rb", buffering=0)
    return open(f"/proc/{pid}/schedstat", "rb", buffering=0)


def probe(port, pid, case, seconds):
    """
    Waits in ms of small commands, of which one is due every PROBE_MS: those that could not be sent
    because the one before them waited count with what they would have waited. Two lists, sorted:
    as the client sees it; and without the time that the worker and we had no core.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=300) as wire, \
            worker_stat(pid) as theirs, open("/proc/self/schedstat", "rb", buffering=0) as ours:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        commands = [frame("PING")]
        if case not in EVERY_STRIPE:
            commands += [frame("GET", "probe:1"), frame("SET", "probe:2", "v")]
        seen, own = [], []

        def note(waits, wait):
            while wait > 0:
                waits.append(wait)
                wait -= PROBE_MS
        end = time.perf_counter() + seconds
        number = 0
        while time.perf_counter() < end:
            time.sleep(PROBE_MS / 1000)
            queued = queued_ms(theirs) + queued_ms(ours)
            sent = time.perf_counter()
            wire.sendall(commands[number % len(commands)])
            wire.recv(4096)
            wait = (time.perf_counter() - sent) * 1000
            queued = queued_ms(theirs) + queued_ms(ours) - queued
            number += 1
            note(seen, wait)
            note(own, max(wait - queued, 0.001))
        return sorted(seen), sorted(own)


def measure(server, case, seconds):
    stop, times = multiprocessing.Event(), multiprocessing.SimpleQueue()
    presser = multiprocessing.Process(target=press, args=(server.port, case, stop, times))
    is_idle = heavy()[case] == ([], [])
    took = []
    if not is_idle:
        presser.start()
        took.append(times.get())
    waits = probe(server.port, server.pid, case, seconds)
    if not is_idle:
        stop.set()
        while presser.is_alive() or not times.empty():
            if not times.empty():
                took.append(times.get())
            else:
                presser.join(0.01)
    return waits, took


def run(product, options):
    with servers.Server(product, ("--io-threads", "1", "--enable-debug-command", "yes"),
                        cores=(0, 1)) as server:
        fill(server.port, options.elements)
        PAYLOADS.update({key: dump(server.port, key) for key in (*FILLS, "stream")})
        heavy.cache_clear()
        for name in heavy():
            if options.only and name not in options.only:
                continue
            waits, took = measure(server, name, options.seconds)
            mean = sum(took) / len(took) if took else 0
            seen, own = waits
            print(f"{product.name:<8}{name:<18}{mean:>10.1f}{len(took):>6}"
                  f"{at(seen, 50):>9.3f}{at(seen, 99):>9.3f}{seen[-1]:>9.2f}"
                  f"{at(own, 99):>9.3f}{own[-1]:>9.2f}", flush=True)


def at(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--before")
    parser.add_argument("--only", action="append", choices=heavy())
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    products = servers.find_products()[:1 if options.alone else None]
    if options.before:
        products.insert(1, servers.Product("Cairn before", options.before))
    servers.print_heading(products)
    print(f"\n== heavy commands over {options.elements} elements; what others wait, in ms")
    print(f"{'':<8}{'command':<18}{'it takes':>10}{'runs':>6}{'p50':>9}{'p99':>9}{'max':>9}"
          f"{'own p99':>9}{'own max':>9}")
    for product in products:
        run(product, options)


if __name__ == "__main__":
    main()
