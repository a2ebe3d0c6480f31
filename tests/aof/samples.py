# SPDX-License-Identifier: BSD-3-Clause
"""Data of every type and encoding, and what a server has, in a form that can be compared."""

from harness import equal

AOF = ("--appendonly", "yes")
FAR_S = 4_000_000_000  # a time that no test run lives to see


def fill(client, with_field_times, prefix=""):
    """All types, small and large, in two databases, with times and MULTI."""
    for commands in (strings, lists, hashes, sets, sorted_sets, streams):
        for name, key, *words in commands():
            check_reply(client.call(name, prefix + key, *words), (name, key, *words))
    if with_field_times:
        client.call("HEXPIREAT", prefix + "hash-large", FAR_S, "FIELDS", 1, "f3")
    stream = prefix + "stream"
    client.call("XGROUP", "CREATE", stream, "group", "0")
    client.call("XREADGROUP", "GROUP", "group", "alice", "COUNT", 10, "STREAMS", stream, ">")
    client.call("XACK", stream, "group", "60-0")
    client.call("MULTI")
    client.call("SET", prefix + "multi-a", "1")
    client.call("SET", prefix + "multi-b", "2")
    client.call("EXEC")
    client.call("SELECT", 9)
    client.call("SET", prefix + "elsewhere", "x")
    client.call("SELECT", 0)


def check_reply(reply, command):
    if isinstance(reply, str) and reply.startswith(("ERR", "WRONGTYPE")):
        raise AssertionError(f"{command}: {reply}")


def strings():
    yield from [("SET", "int", 12345), ("SET", "text", "hello"), ("SET", "long", "x" * 50_000),
                ("SET", "bytes", bytes(range(256))), ("APPEND", "text", " world"),
                ("SETRANGE", "padded", 20, "end"), ("SETBIT", "bits", 1000, 1),
                ("INCRBYFLOAT", "float", "1.25"), ("PFADD", "hll", *range(500)),
                ("SET", "timed", "1", "EXAT", FAR_S), ("GETDEL", "int")]


def lists():
    for i in range(300):
        yield ("RPUSH", "list-large", f"element {i}")
    yield from [("RPUSH", "list", "a", "b", "c", 1, 2), ("LPOP", "list"),
                ("LINSERT", "list", "BEFORE", "c", "z"), ("LSET", "list-large", 7, "seven"),
                ("LTRIM", "list-large", 3, 250), ("LREM", "list-large", 0, "element 9"),
                ("RPUSH", "list-huge-element", "y" * 20_000, "z")]


def hashes():
    for i in range(300):
        yield ("HSET", "hash-large", f"f{i}", f"v{i}")
    yield from [("HSET", "hash", "a", 1, "b", "two"), ("HINCRBY", "hash", "a", 5),
                ("HINCRBYFLOAT", "hash", "c", "0.5"), ("HDEL", "hash-large", "f9")]


def sets():
    for i in range(300):
        yield ("SADD", "set-large", f"m{i}")
    yield from [("SADD", "set-int", *range(40)), ("SADD", "set", "a", "b", "c"),
                ("SPOP", "set-large"), ("SREM", "set", "b"), ("SADD", "set-int", 1 << 40)]


def sorted_sets():
    for i in range(300):
        yield ("ZADD", "zset-large", i * 1.5, f"m{i}")
    yield from [("ZADD", "zset", 1, "a", "-inf", "b", 2.5, "c"), ("ZINCRBY", "zset", 0.1, "a"),
                ("ZPOPMIN", "zset-large"), ("GEOADD", "geo", 13.36, 38.11, "Palermo"),
                ("ZREMRANGEBYRANK", "zset-large", 100, 120)]


def streams():
    for i in range(1, 250):
        yield ("XADD", "stream", f"{i}-0", "field", f"v{i}", *(["more", i] if i % 9 == 0 else []))
    yield from [("XDEL", "stream", "5-0"), ("XTRIM", "stream", "MAXLEN", 200),
                ("XADD", "stream-empty", "7-0", "a", "b"), ("XDEL", "stream-empty", "7-0")]


def describe(client):
    """Every key of every database: its type, time and content."""
    found = {}
    for database in (0, 9):
        client.call("SELECT", database)
        for key in client.call("KEYS", "*"):
            kind = client.call("TYPE", key)
            expiry = client.call("EXPIRETIME", key)
            found[database, key] = (kind, expiry, CONTENT[kind](client, key))
    client.call("SELECT", 0)
    return found


def describe_stream(client, key):
    groups = [dict(zip(group[::2], group[1::2])) for group in client.call("XINFO", "GROUPS", key)]
    pending = [[entry[0], entry[1], entry[3]] for group in groups
               for entry in client.call("XPENDING", key, group[b"name"], "-", "+", 1000)]
    info = client.call("XINFO", "STREAM", key)
    return (client.call("XRANGE", key, "-", "+"),
            [(g[b"name"], g[b"last-delivered-id"], g[b"consumers"]) for g in groups], pending,
            dict(zip(info[::2], info[1::2]))[b"last-generated-id"])


CONTENT = {
    "string": lambda c, k: c.call("GET", k),
    "list": lambda c, k: c.call("LRANGE", k, 0, -1),
    "hash": lambda c, k: sorted(zip(*[iter(c.call("HGETALL", k))] * 2)),
    "set": lambda c, k: sorted(c.call("SMEMBERS", k)),
    # Redis before 7.2 writes more digits than a score has.
    "zset": lambda c, k: [(m, float(s)) for m, s in
                          zip(*[iter(c.call("ZRANGE", k, 0, -1, "WITHSCORES"))] * 2)],
    "stream": describe_stream,
}


def same(found, wanted):
    for key in found.keys() | wanted.keys():
        equal(found.get(key), wanted.get(key), key)
