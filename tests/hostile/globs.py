# SPDX-License-Identifier: BSD-3-Clause
"""Patterns made to make a matcher go back and forth, wherever a client may give one: the answer
comes soon, and meanwhile the worker's other clients are served.
"""

import time

from harness import SANITIZED, Server, check, equal
from floods import Bystander

SECONDS_EACH = 3
SIZE = 500 if SANITIZED else 5_000  # the work grows with its square
LONG = "a" * (4 * SIZE)
PATTERNS = ["a*" * SIZE + "b", "*a" * SIZE + "*b", "*" * (4 * SIZE) + "b", "?*" * SIZE + "b",
            "[a-z]*" * SIZE + "b", "[^b]*" * SIZE + "b", "*[" + "a" * (2 * SIZE) + "]b",
            "\\a*" * SIZE + "b", "*a?" * SIZE + "b"]



def add(suite):
    """One server, every place."""
    @suite.case
    def PatternsThatGoBackAndForth():
        with Server("--io-threads", "1") as server, server.client() as client, Bystander(server):
            for words in (("SET", LONG, "v"), ("HSET", "h", LONG, "v"), ("SADD", "s", LONG, "x"),
                          ("ZADD", "z", 1, LONG)):
                client.call(*words)
            places = [("KEYS",), ("SCAN", 0, "COUNT", 1000, "MATCH"), ("HSCAN", "h", 0, "MATCH"),
                      ("SSCAN", "s", 0, "MATCH"), ("ZSCAN", "z", 0, "MATCH"), ("CONFIG", "GET"),
                      ("PUBSUB", "CHANNELS"), ("COMMAND", "LIST", "FILTERBY", "PATTERN"),
                      ("INFO",), ("MEMORY", "USAGE")]
            with server.client() as listener, server.client() as channel:
                equal(channel.call("SUBSCRIBE", LONG), [b"subscribe", LONG.encode(), 1])
                for pattern in PATTERNS:
                    for place in places:
                        took(client, *place, pattern)
                    listener.call("PSUBSCRIBE", pattern)
                    took(client, "PUBLISH", LONG, "m")
                    equal(channel.read()[0], b"message")


def took(client, *words):
    started = time.monotonic()
    client.call(*words)
    seconds = time.monotonic() - started
    check(seconds < SECONDS_EACH, f"{words[:3]} took {seconds:.1f} s")
