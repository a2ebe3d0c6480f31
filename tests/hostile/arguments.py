# SPDX-License-Identifier: BSD-3-Clause
"""Every command with arguments that nobody would mean: numbers at and beyond what fits, NaN,
infinities, 400 digits, bytes, keys of every type in every place, its own options at random. It may
answer what it likes, but it answers, in bounded time and memory, and others are served.
"""

import random

from harness import SANITIZED, Server, check, equal, frame
from floods import Bystander

MIB = 1024 * 1024
GROWTH_MAX = 64 * MIB
MAX, MIN = 2**63 - 1, -2**63
NUMBERS = [MAX, MIN, MAX + 1, MIN - 1, 2**64 - 1, 2**64, 0, -1, "-0", "nan", "-nan", "inf", "-inf",
           "+inf", "1e308", "1e400", "-1e400", "1e-400", "9" * 400, "-" + "9" * 400,
           "0." + "0" * 400 + "1", "", " 1", "1 ", "0x10", "(1", "(nan", "[", "-", "+", "*", "$",
           f"{2**64 - 1}-{2**64 - 1}", b"\xff\0\r\n"]
FILL = ["SET text value", "SET number 1", "RPUSH list a b c", "SADD set a b c", "SADD ints 1 2 3",
        "HSET hash f 1 g x", "ZADD sorted 1 a 2 b", "XADD stream 1-1 f v", "PFADD hll a b",
        "GEOADD geo 1 1 a 2 2 b", "XGROUP CREATE stream group 0", "XREADGROUP GROUP group me "
        "STREAMS stream >"]
KEYS = ["text", "number", "list", "set", "ints", "hash", "sorted", "stream", "hll", "geo", "none",
        "group", "f", "a"]
# What ends the server or the connection, turns it into something else, waits for other servers, or
# silences or changes it.
LEFT_OUT = {"shutdown", "quit", "debug", "monitor", "subscribe", "psubscribe", "ssubscribe", "sync",
            "unsubscribe", "punsubscribe", "sunsubscribe",
            "psync", "migrate", "replicaof", "slaveof", "failover", "client|reply", "client|kill",
            "client|pause", "config|set", "config|rewrite", "multi", "exec", "discard", "reset",
            "hello", "auth", "save", "bgsave", "bgrewriteaof"}
CALLS_EACH = 40 if SANITIZED else 120


def tokens_of(doc):
    """All words of an option list as COMMAND DOCS tells it."""
    found = []
    if isinstance(doc, list):
        for name, value in zip(doc, doc[1:]):
            if name == b"token":
                found.append(value)
        for part in doc:
            found += tokens_of(part)
    return found


def commands_of(client):
    """[(words of its name, least number of further arguments, its options)]"""
    found = []
    def take(info, parents):
        full_name, arity, subcommands = info[0].decode(), info[1], info[9]
        if full_name in LEFT_OUT:
            return
        words = full_name.split("|")
        for sub in subcommands:
            take(sub, words)
        doc = client.call("COMMAND", "DOCS", full_name)
        if not subcommands:
            found.append((words, max(0, abs(arity) - len(words)), tokens_of(doc)))
    for info in client.call("COMMAND"):
        take(info, [])
    return found


def argument(options):
    kind = random.random()
    if kind < 0.5:
        return random.choice(NUMBERS)
    if kind < 0.8 or not options:
        return random.choice(KEYS)
    return random.choice(options)


def add(suite):
    """Each command by itself, so that the one that fails has a name."""
    @suite.case
    def HostileArguments():
        random.seed(SEED)
        with Server("--proto-max-bulk-len", "1mb", "--timeout", "0") as server, \
                server.client() as client, Bystander(server):
            equal(client.call("PING"), "PONG")
            before = server.rss()
            commands = commands_of(client)
            check(len(commands) > 200, f"only {len(commands)} commands")
            for words, least, options in commands:
                for text in FILL:
                    client.call(*text.split())
                tried = [words + [argument(options) for _ in range(least + random.choice(
                    (0, 0, 0, 1, 2, 3, 6)))] for _ in range(CALLS_EACH)]
                try:
                    attempt(client, tried)
                except (ConnectionError, OSError) as error:
                    last = tried[0] if server.is_alive() else "one of them ended the server"
                    raise AssertionError(f"{words} (seed {SEED}): {error}: {last}: "
                                         f"{server.log()[-1500:]}") from error
                server.check_growth(before, GROWTH_MAX)
                client.call("FLUSHALL")
                client.call("SELECT", 0)
            check(server.is_alive())


SEED = 20260102


def attempt(client, tried):
    """Each within a transaction, where what would wait does not."""
    for words in tried:
        client.send(frame("MULTI") + frame(*words) + frame("EXEC"))
        equal(client.read(), "OK")
        check(client.read() is not None, words)
        client.read()  # of EXEC: anything
