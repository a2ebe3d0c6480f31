# SPDX-License-Identifier: BSD-3-Clause
"""Values of every type and encoding, as the commands that make them, and all that commands tell of
one. For tests that carry values from one server to another.
"""

import random

from harness import ServerError, check

RNG = random.Random(20261121)


def text(size, kind="x"):
    if kind == "random":
        return RNG.randbytes(size)
    return (kind * size)[:size]


def pairs(count, size=3):
    return [word for i in range(count) for word in (f"f{i}", text(size) + str(i))]


def scores(count, member="m"):
    return [word for i in range(count) for word in (i * 1.5 - 7, f"{member}{i}")]


def stream(entries):
    adds = [["XADD", "k", f"{i + 1}-{i % 3}", "field", f"v{i}"] +
            (["more", i] if i % 10 == 0 else []) for i in range(entries)]
    return adds + [
        ["XGROUP", "CREATE", "k", "g1", "0"],
        ["XGROUP", "CREATE", "k", "g2", "3-2"],
        ["XGROUP", "CREATECONSUMER", "k", "g2", "idle"],
        ["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "7", "STREAMS", "k", ">"],
        ["XREADGROUP", "GROUP", "g1", "bob", "COUNT", "2", "STREAMS", "k", ">"],
        ["XACK", "k", "g1", "2-1"],
        ["XDEL", "k", "1-0", "4-0"],
    ]


VALUES = {
    "string.empty": [["SET", "k", ""]],
    "string.int8": [["SET", "k", "-128"]],
    "string.int16": [["SET", "k", "30000"]],
    "string.int32": [["SET", "k", "-2147483648"]],
    "string.int64": [["SET", "k", "9223372036854775807"]],
    "string.embstr": [["SET", "k", "hello"]],
    "string.raw": [["SET", "k", text(100, "random")]],
    "string.compressible": [["SET", "k", text(5000)]],
    "string.large": [["SET", "k", text(300_000, "random")]],
    "string.hyperloglog": [["PFADD", "k", *range(500)]],
    "string.bits": [["SETBIT", "k", 77_777, 1]],
    "list.small": [["RPUSH", "k", "a", "1", "-70000", "9223372036854775807", text(100)]],
    "list.one": [["RPUSH", "k", ""]],
    "list.long": [["RPUSH", "k", *range(20_000)]],
    "list.large elements": [["RPUSH", "k", text(9000), "x", text(20_000, "random")]],
    "list.compressed": [["CONFIG", "SET", "list-compress-depth", "1"],
                        ["RPUSH", "k", *[text(50) + str(i) for i in range(2000)]],
                        ["CONFIG", "SET", "list-compress-depth", "0"]],
    "set.int16": [["SADD", "k", *range(100)]],
    "set.int32": [["SADD", "k", "1", "-100000"]],
    "set.int64": [["SADD", "k", "1", "9223372036854775807", "-9223372036854775808"]],
    "set.texts": [["SADD", "k", "a", "1", text(30)]],
    "set.table": [["SADD", "k", *[f"m{i}" for i in range(5000)]]],
    "set.many ints": [["SADD", "k", *range(1000)]],
    "set.long member": [["SADD", "k", "a", text(100)]],
    "sorted set.small": [["ZADD", "k", *scores(50)]],
    "sorted set.scores": [["ZADD", "k", "-inf", "a", "inf", "b", "0.1", "c", "-0", "d", "1e300",
                           "e", "4611686018427387904", "f", "3", "7"]],
    "sorted set.large": [["ZADD", "k", *scores(3000)]],
    "sorted set.long member": [["ZADD", "k", "1", text(100), "inf", "b", "-1.5", "c"]],
    "hash.small": [["HSET", "k", *pairs(20)]],
    "hash.numbers": [["HSET", "k", "1", "2", "-3", "x", "", ""]],
    "hash.table": [["HSET", "k", *pairs(2000)]],
    "hash.long value": [["HSET", "k", "a", text(100), "b", text(3000, "random")]],
    "stream.small": stream(12),
    "stream.long": stream(1500),
    "stream.emptied": [["XADD", "k", "5-5", "a", "b"], ["XGROUP", "CREATE", "k", "g", "$"],
                       ["XDEL", "k", "5-5"]],
    "stream.of nothing": [["XGROUP", "CREATE", "k", "g", "0", "MKSTREAM"]],
}


def members(reply):
    """Pairs of a flat reply, in order."""
    return sorted(zip(reply[::2], reply[1::2]))


def content(client, key):
    """All that commands tell of a value, whatever its encoding; times of streams' groups aside."""
    kind = client.call("TYPE", key)
    if kind == "string":
        return client.call("GET", key)
    if kind == "list":
        return client.call("LRANGE", key, 0, -1)
    if kind == "set":
        return sorted(client.call("SMEMBERS", key))
    if kind == "zset":
        reply = client.call("ZRANGE", key, 0, -1, "WITHSCORES")
        return [(member, float(score)) for member, score in zip(reply[::2], reply[1::2])]
    if kind == "hash":
        return members(client.call("HGETALL", key))
    check(kind == "stream", f"{key} is a {kind}")
    groups = []
    for group in client.call("XINFO", "GROUPS", key):
        group = dict(zip(group[::2], group[1::2]))
        name = group[b"name"]
        pending = client.call("XPENDING", key, name, "-", "+", 10_000)
        consumers = [dict(zip(consumer[::2], consumer[1::2]))
                     for consumer in client.call("XINFO", "CONSUMERS", key, name)]
        groups.append((sorted(group.items()), [(p[0], p[1], p[3]) for p in pending],
                       [(c[b"name"], c[b"pending"]) for c in consumers]))
    about = client.call("XINFO", "STREAM", key)
    about = dict(zip(about[::2], about[1::2]))
    fields = [b"length", b"last-generated-id", b"max-deleted-entry-id", b"entries-added",
              b"recorded-first-entry-id", b"radix-tree-keys"]
    return (client.call("XRANGE", key, "-", "+"), [about[f] for f in fields], groups)


def make(client, commands):
    client.call("FLUSHALL")
    for command in commands:
        reply = client.call(*command)
        check(not isinstance(reply, ServerError), f"{command[:4]}: {reply}")
