# SPDX-License-Identifier: BSD-3-Clause
"""Purges under clients that write all the time: what matched is gone at the end, a load that began
before leaves nothing, nothing else is missing, and a restart comes to the same."""

import random
import threading

from harness import SECONDS_MAX, Server, check, equal, folder, wait_for

OLD = 30_000
LOADS = 400


def fill(client, prefix, count):
    for begin in range(0, count, 500):
        client.call("MSET", *(word for i in range(begin, begin + 500)
                              for word in (f"{prefix}{i}", "old")))


def status(client, purge):
    flat = client.call("CACHE.PURGE", "STATUS", purge)
    return dict(zip((name.decode() for name in flat[::2]), flat[1::2]))


def wait_done(client, purge):
    wait_for(lambda: status(client, purge)["state"] != b"running", f"purge {purge}")
    return status(client, purge)


# A table that grows and shrinks; `kept` is what is there at the end.
def write(server, number, stops, kept):
    draw = random.Random(number)
    with server.client() as client:
        at = 0
        while not stops.is_set() or at < 5000:
            names = [f"w{number}:{at + i}" for i in range(100)]
            client.call("MSET", *(word for name in names for word in (name, name)))
            gone = draw.sample(names, draw.choice((0, 50, 100)))
            if gone:
                client.call("UNLINK", *gone)
            kept.update(set(names) - set(gone))
            at += 100


def order_and_cancel(server, stops):
    draw = random.Random(1)
    with server.client() as client:
        while not stops.is_set():
            purge = client.call("CACHE.PURGE", "START", "nothing*", "RATE", 1)
            if draw.random() < 0.5:
                client.call("CACHE.PURGE", "CANCEL", purge)
            wait_done(client, purge)


# Those that come before the purge are removed by it, the others are void.
def end_loads(server, tokens, purge, verdicts):
    with server.client() as client:
        for i, token in enumerate(tokens):
            wait_for(lambda: status(client, purge)["state"] != b"running" or
                     status(client, purge)["percent"] >= 100 * i // LOADS, "the purge to go on")
            verdicts.append(client.call("CACHE.SET", f"p:load:{i}", "old", "TOKEN", token))


def purges_under_writers():
    options = ("--appendonly", "yes", "--appendfsync", "everysec", "--io-threads", "4",
               "--enable-debug-command", "yes")
    kept = [set() for _ in range(3)]
    verdicts = []
    stops = threading.Event()
    with folder() as path:
        with Server(*options, folder=path) as server, server.client() as client:
            for prefix in ("p:", "q:", "keep:"):
                fill(client, prefix, OLD)
            tokens = [client.call("CACHE.GET", f"p:load:{i}", "LEASE", 600_000)[2]
                      for i in range(LOADS)]
            threads = [threading.Thread(target=write, args=(server, n, stops, kept[n]))
                       for n in range(3)]
            threads.append(threading.Thread(target=order_and_cancel, args=(server, stops)))
            for thread in threads:
                thread.start()
            purge = client.call("CACHE.PURGE", "START", "p:*", "RATE", 20_000)
            cancelled = client.call("CACHE.PURGE", "START", "q:*", "RATE", 5000)
            loads = threading.Thread(target=end_loads, args=(server, tokens, purge, verdicts))
            loads.start()
            client.call("BGREWRITEAOF")
            report = wait_done(client, purge)
            equal(report["state"], b"done")
            check(report["removed"] >= OLD, f"removed {report['removed']}")
            client.call("CACHE.PURGE", "CANCEL", cancelled)
            # What a step had under way has gone when another purge has come to its end.
            wait_done(client, client.call("CACHE.PURGE", "START", "nothing"))
            left = OLD - status(client, cancelled)["removed"]
            stops.set()
            for thread in [*threads, loads]:
                thread.join(SECONDS_MAX)
                check(not thread.is_alive(), "a thread has ended")
            check("VOID" in verdicts and "OK" in verdicts, "loads end before and behind it")
            equal(client.call("KEYS", "p:*"), [])
            equal(len(client.call("KEYS", "q:*")), left)
            equal(len(client.call("KEYS", "keep:*")), OLD)
            for number, names in enumerate(kept):
                found = {name.decode() for name in client.call("KEYS", f"w{number}:*")}
                check(found == names, f"writer {number}: {len(found)} of {len(names)}")
            wait_for(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0",
                     "the rewrite")
            digest = client.call("DEBUG", "DIGEST")
            server.process.terminate()
            equal(server.process.wait(timeout=SECONDS_MAX), 0, "exit status")
        with Server(*options, folder=path) as server, server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest)
            equal(client.call("CACHE.PURGE", "STATUS"), [])


def add_cases(suite):
    suite.case(purges_under_writers)
