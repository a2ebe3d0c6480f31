# SPDX-License-Identifier: BSD-3-Clause
"""Arguments of many megabytes: nobody waits for them, and every byte arrives, cut anywhere."""

import struct
import threading
import time

from harness import SANITIZED, Server, check, equal, frame, wait_for

HUGE = (20 if SANITIZED else 100) * 1000 * 1000


def pattern(size, seed):
    """Bytes that are not the same anywhere near each other."""
    block = b"".join(struct.pack("<II", seed, i * 2654435761 & 0xffffffff) for i in range(8192))
    return (block * (size // len(block) + 1))[:size]


def say(server, *words):
    with server.client() as client:
        return client.call(*words)


def OthersGoOnWhileAHugeValueComesIn():
    """Nobody waits for the input to be moved, nor for the value to be made of it. A busy machine
    holds others up, too, but not each time that this is tried."""
    for _ in range(10):
        slow = longest_waits_while_huge_values_come_in()
        if SANITIZED or slow[0] < 0.07:
            return
    raise AssertionError(f"the longest waits: {slow}")


def longest_waits_while_huge_values_come_in():
    """Three, as many as the values; the shortest of them first."""
    value = pattern(HUGE, 1)
    request = frame("SET", "huge", value)  # made before: Python copies with its lock held
    waits = []
    done = threading.Event()
    with Server("--io-threads", 1) as server, server.client() as a, server.client() as b:
        b.socket.settimeout(200)

        def ask():
            while not done.is_set():
                start = time.monotonic()
                equal(b.call("PING"), "PONG")
                waits.append(time.monotonic() - start)
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(3):
                a.send(request)
                equal(a.read(), "OK")
        finally:
            done.set()
            asking.join()
        check(a.call("GET", "huge") == value, "the value")
        equal(a.call("STRLEN", "huge"), HUGE)
        check(len(waits) > 20, f"others were answered: {len(waits)}")
        equal(a.call("APPEND", "huge", "end"), HUGE + 3)
        check(a.call("GETRANGE", "huge", -6, -1) == value[-3:] + b"end", "its end")
        return sorted(waits)[-3:]


def LargeValuesAreWhole():
    """Sizes around what is copied, reserved or given away; alone and among other requests."""
    kib, mib = 1024, 1024 * 1024
    sizes = [16 * kib - 1, 16 * kib, 64 * kib - 1, 64 * kib, 64 * kib + 1, mib - 1, mib + 1,
             4 * mib - 1, 4 * mib, 4 * mib + 100, 9 * mib]
    with Server("--io-threads", 1) as server, server.client() as a:
        for number, size in enumerate(sizes):
            value = pattern(size, number)
            one = frame("SET", "k", value)
            a.send(one)
            equal(a.read(), "OK")
            check(a.call("GET", "k") == value, f"alone: {size}")
            a.send(frame("PING") + one + frame("STRLEN", "k") + one +
                   frame("SET", "k2", value, "EX", 1000) + frame("APPEND", "k2", "x") +
                   frame("GETSET", "k", value[:-1] + b"z") + frame("DEL", "nothing") +
                   frame("MSET", "k3", value, "k4", value[1:]) + frame("SETNX", "k5", value) +
                   frame("SETNX", "k5", "no") + frame("SET", "k5", value, "GET"))
            got = [a.read() for _ in range(11)]
            equal(got[:5], ["PONG", "OK", size, "OK", "OK"], size)
            equal(got[5], size + 1)
            check(got[6] == value, size)
            equal(got[7:10], [0, "OK", 1])
            equal(got[10], 0)
            check(a.read() == value, size)
            check(a.call("GET", "k") == value[:-1] + b"z", size)
            check(a.call("GET", "k2") == value + b"x", size)
            check(a.call("MGET", "k3", "k4", "k5") == [value, value[1:], value], size)
            for cut in (10, 40, size // 2, size + 20):
                a.send(one[:cut])
                say(server, "PING")
                a.send(one[cut:] + frame("EXISTS", "k"))
                equal([a.read(), a.read()], ["OK", 1])
                check(a.call("GET", "k") == value, f"cut at {cut}: {size}")
            equal(a.call("MULTI"), "OK")
            equal(a.call("SET", "k", value), "QUEUED")
            equal(a.call("EXEC"), ["OK"])
            check(a.call("GET", "k") == value, size)
            equal(a.call("FLUSHALL"), "OK")
        wait_for(lambda: int(server.info("memory")["used_memory"]) < 64 * mib,
                 "memory given back")


def LargeValuesCutAnywhere():
    """At each limit of Connection's input, one below and one above it; several clients in turn send
    a piece, and every byte of what stands around the value ends one."""
    kib, mib = 1024, 1024 * 1024
    limits = [16 * kib, 64 * kib, mib, mib + 64 * kib, 2 * mib]
    with Server("--io-threads", 1) as server:
        clients = [server.client() for _ in range(3)]

        def together(sizes, cuts_of):
            requests, sent = [], [0] * len(clients)
            for number, size in enumerate(sizes):
                value = pattern(size, size + number)
                requests.append((frame("SET", f"k{number}", value) + frame("STRLEN", f"k{number}"),
                                 value))
            cuts = [cuts_of(len(value), len(request)) + [len(request)]
                    for request, value in requests]
            for step in range(max(map(len, cuts))):
                for number, client in enumerate(clients):
                    if step < len(cuts[number]):
                        to = max(cuts[number][step], sent[number])
                        client.send(requests[number][0][sent[number]:to])
                        sent[number] = to
                # The server has read that far before it gets more.
                equal(say(server, "PING"), "PONG")
            for number, client in enumerate(clients):
                equal([client.read(), client.read()], ["OK", sizes[number]])
                check(client.call("GET", f"k{number}") == requests[number][1], sizes)

        for limit in limits:
            together([limit - 1, limit, limit + 1], lambda size, _: [1, 30, size // 2, size])
            together([limit + 1, limit - 1, limit],
                     lambda size, _: [limit - 1, limit, limit + 1, limit + 40])
        # Every byte before the value and behind it.
        together([64 * kib - 1, 64 * kib, 64 * kib + 1],
                 lambda size, whole: [*range(1, 40), *range(whole - 40, whole)])
        for client in clients:
            client.close()


def add(suite):
    suite.case(OthersGoOnWhileAHugeValueComesIn)
    suite.case(LargeValuesAreWhole)
    suite.case(LargeValuesCutAnywhere)
