#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What others wait while one client runs commands over a million elements, without a pause.

    bench/heavy.py [--elements N] [--seconds S] [--before PATH] [--only NAME]

A server with one worker, so that everybody is on the same one. A process sends GET, SET or PING of
keys in other stripes, one after the other, and notes how long each takes; another one sends a heavy
command again as soon as it has the answer. Beside Cairn: Valkey and Redis, and, with --before, a
cairn-server without the lane. Times are the client's, in milliseconds.

Two cores are few for a worker, two threads of the lane and two clients: with other work on the
machine the figures tell of its scheduler. The row `nothing` shows how much.
"""

import argparse
import multiprocessing
import socket
import sys
import time

sys.dont_write_bytecode = True

import servers

CHUNK = 500


def frame(*words):
    words = [str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


# How one element stands in the call that adds it, by command.
FILLS = {
    "set": ("SADD", lambda i: [f"member:{i}"]),
    "hash": ("HSET", lambda i: [f"field:{i}", f"value:{i}"]),
    "zset": ("ZADD", lambda i: [i, f"member:{i}"]),
    "list": ("RPUSH", lambda i: [f"element:{i}"]),
}

# What is run, and what makes it so again.
HEAVY = {
    "nothing": [],
    "SMEMBERS": [("SMEMBERS", "set")],
    "HGETALL": [("HGETALL", "hash")],
    "ZRANGE": [("ZRANGE", "zset", 0, -1, "WITHSCORES")],
    "LRANGE": [("LRANGE", "list", 0, -1)],
    "LPOS": [("LPOS", "list", "nothing")],
    "XRANGE": [("XRANGE", "stream", "-", "+")],
    "COPY": [("COPY", "set", "{set}2", "REPLACE")],
    "ZRANGESTORE": [("ZRANGESTORE", "{zset}2", "zset", 0, -1)],
    "SUNIONSTORE": [("SUNIONSTORE", "{set}3", "set", "{set}2")],
    "SORT": [("SORT", "zset", "ALPHA", "LIMIT", 0, 10)],
    "KEYS": [("KEYS", "nothing*")],
}


class Wire:
    """A connection that counts whole replies, fast, without looking into them."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def call(self, data):
        """Sends and waits until the answer and that of a PING behind it have come."""
        self.socket.sendall(data + b"*2\r\n$4\r\nECHO\r\n$7\r\n@@end@@\r\n")
        tail = b""
        while not tail.endswith(b"@@end@@\r\n"):
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise SystemExit("the server closed the connection")
            tail = (tail + bytes(self.buffer[max(0, got - 16):got]))[-16:]


def fill(port, elements):
    wire = Wire(port)
    for key, (command, words_of) in FILLS.items():
        for first in range(0, elements, CHUNK):
            words = [w for i in range(first, min(elements, first + CHUNK)) for w in words_of(i)]
            wire.call(frame(command, key, *words))
    for first in range(0, elements, CHUNK):
        wire.call(b"".join(frame("XADD", "stream", f"{i + 1}-0", "field", f"value:{i}")
                           for i in range(first, min(elements, first + CHUNK))))
    for first in range(0, elements, CHUNK):
        words = [w for i in range(first, min(elements, first + CHUNK)) for w in (f"key:{i}", i)]
        wire.call(frame("MSET", *words))


def press(port, commands, stop, times):
    wire = Wire(port)
    while not stop.is_set():
        began = time.perf_counter()
        for words in commands:
            wire.call(frame(*words))
        times.put((time.perf_counter() - began) * 1000)


def probe(port, seconds):
    """Sorted waits in ms of small commands."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        commands = [frame("GET", "probe:1"), frame("SET", "probe:2", "v"), frame("PING")]
        waits = []
        end = time.perf_counter() + seconds
        while True:
            began = time.perf_counter()
            wire.sendall(commands[len(waits) % 3])
            wire.recv(4096)
            now = time.perf_counter()
            waits.append((now - began) * 1000)
            if now > end:
                return sorted(waits)


def measure(port, commands, seconds):
    stop, times = multiprocessing.Event(), multiprocessing.SimpleQueue()
    presser = multiprocessing.Process(target=press, args=(port, commands, stop, times))
    if commands:
        presser.start()
        times.get()
    waits = probe(port, seconds)
    took = []
    if commands:
        stop.set()
        presser.join()
        while not times.empty():
            took.append(times.get())
    return waits, took


def run(product, options):
    with servers.Server(product, ("--io-threads", "1"), cores=(0, 1)) as server:
        fill(server.port, options.elements)
        for name, commands in HEAVY.items():
            if options.only and name not in options.only:
                continue
            waits, took = measure(server.port, commands, options.seconds)
            mean = sum(took) / len(took) if took else 0
            p99 = waits[min(len(waits) - 1, len(waits) * 99 // 100)]
            print(f"{product.name:<14}{name:<14}{mean:>10.1f}{len(waits):>9}"
                  f"{waits[len(waits) // 2]:>9.3f}{p99:>9.3f}{waits[-1]:>9.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--before")
    parser.add_argument("--only", action="append", choices=HEAVY)
    options = parser.parse_args()
    products = servers.find_products()
    if options.before:
        products.insert(1, servers.Product("Cairn before", options.before))
    servers.print_heading(products)
    print(f"\n== heavy commands over {options.elements} elements; what others wait, in ms")
    print(f"{'':<14}{'command':<14}{'it takes':>10}{'others':>9}{'p50':>9}{'p99':>9}{'max':>9}")
    for product in products:
        run(product, options)


if __name__ == "__main__":
    main()
