# SPDX-License-Identifier: BSD-3-Clause
"""What makes a lease void, who gets the next one, and what is visible of values that a tag's bump
has made an end of."""

from harness import ServerError, check, equal, frame, wait_for

LEASE = ("LEASE", 60_000)
WAIT = ("WAIT", 20_000)


def get(client, key, *options):
    reply = client.call("CACHE.GET", key, *options)
    check(isinstance(reply, list) and len(reply) == 6, f"CACHE.GET said {reply!r}")
    return reply


def take(client, key, *more):
    """The token of a lease on what is not there."""
    state, value, token = get(client, key, *LEASE, *more)[:3]
    check(state in (b"miss", b"stale") and token, f"no lease: {state} {value!r}")
    return token


def blocked(server):
    return int(server.info("clients")["blocked_clients"])


def wait_blocked(server, count):
    wait_for(lambda: blocked(server) == count, f"{count} clients to wait")


def commands(*lines):
    def run(client):
        for line in lines:
            reply = client.call(*line.split(" "))
            check(not isinstance(reply, ServerError), f"{line}: {reply}")
    return run


def in_multi(line):
    return commands("MULTI", line, "EXEC")


# What happens to key `k`, absent, while somebody loads its value.
CHANGES_OF_ABSENT = {
    "del": commands("DEL k"),
    "unlink": commands("UNLINK k other"),
    "getdel": commands("GETDEL k"),
    "set": commands("SET k new"),
    "set-and-del": commands("SET k new", "DEL k"),
    "set-in-the-past": commands("SET k new PXAT 1"),
    "set-nx": commands("SETNX k new"),
    "mset": commands("MSET a 1 k new"),
    "incr": commands("INCR k"),
    "append": commands("APPEND k x"),
    "lpush": commands("LPUSH k x"),
    "hset": commands("HSET k f v"),
    "sadd": commands("SADD k x"),
    "pfadd": commands("PFADD k x"),
    "rename-onto": commands("SET from x", "RENAME from k"),
    "copy-onto": commands("SET from x", "COPY from k"),
    "move-here": commands("SELECT 1", "SET k x", "MOVE k 0", "SELECT 0"),
    "empty-sort-store": commands("SORT nothing STORE k"),
    "empty-bitop": commands("BITOP AND k nothing"),
    "empty-sinterstore": commands("SINTERSTORE k nothing"),
    "empty-zunionstore": commands("ZUNIONSTORE k 1 nothing"),
    "empty-zrangestore": commands("ZRANGESTORE k nothing 0 -1"),
    "empty-georadius-store": commands("GEOSEARCHSTORE k nothing FROMLONLAT 1 1 BYRADIUS 1 m"),
    "flushdb": commands("FLUSHDB"),
    "flushall": commands("FLUSHALL ASYNC"),
    "swapdb": commands("SWAPDB 0 1", "SWAPDB 0 1"),
    "multi": in_multi("DEL k"),
    "script": commands("EVAL return(redis.call('DEL','k')) 1 k"),
    "cache-del": commands("CACHE.DEL k"),
    "cache-del-version": commands("CACHE.DEL k VER 5"),
    "cache-set": commands("CACHE.SET k new"),
    "cache-absent": commands("CACHE.ABSENT k"),
    "cache-stale": commands("CACHE.STALE k"),
    "cache-forget": commands("CACHE.FORGET k"),
}

# The same for a stale value that somebody loads anew.
CHANGES_OF_STALE = {
    "del": commands("DEL k"),
    "getdel": commands("GETDEL k"),
    "set": commands("SET k new"),
    "set-keepttl": commands("SET k new KEEPTTL"),
    "set-xx-get": commands("SET k new XX GET"),
    "getset": commands("GETSET k new"),
    "append": commands("APPEND k x"),
    "setrange": commands("SETRANGE k 0 x"),
    "setbit": commands("SETBIT k 0 1"),
    "expire-in-the-past": commands("EXPIRE k -1"),
    "pexpireat": commands("PEXPIREAT k 1"),
    "getex-in-the-past": commands("GETEX k PXAT 1"),
    "rename-away": commands("RENAME k other"),
    "rename-onto": commands("SET from x", "RENAME from k"),
    "copy-onto": commands("SET from x", "COPY from k REPLACE"),
    "move-away": commands("MOVE k 1"),
    "flushdb": commands("FLUSHDB"),
    "flushall": commands("FLUSHALL"),
    "swapdb": commands("SWAPDB 0 1"),
    "multi": in_multi("DEL k"),
    "script": commands("EVAL return(redis.call('SET','k','v')) 1 k"),
    "soft-bump": commands("TAG.BUMP SOFT t"),
    "hard-bump": commands("TAG.BUMP HARD t"),
    "bump-of-a-new-tag": commands("TAG.BUMP SOFT filled"),
    "cache-del": commands("CACHE.DEL k"),
    "cache-stale": commands("CACHE.STALE k"),
    "cache-set": commands("CACHE.SET k new"),
    "cache-absent": commands("CACHE.ABSENT k"),
}


def void_on_absent(server, change):
    with server.client() as loader, server.client() as writer:
        token = take(loader, "k")
        change(writer)
        equal(loader.call("CACHE.SET", "k", "old", "TOKEN", token), "VOID", "the fill")
        check(writer.call("GET", "k") != b"old" if writer.call("TYPE", "k") == "string" else True,
              "the old value landed")


def void_on_stale(server, change):
    with server.client() as loader, server.client() as writer:
        equal(loader.call("CACHE.SET", "k", "old", "TTL", 60_000, "TAGS", 1, "t"), "OK", "setup")
        loader.call("CACHE.STALE", "k")
        token = take(loader, "k", "STALE")
        change(writer)
        reply = loader.call("CACHE.SET", "k", "older", "TOKEN", token, "TAGS", 1, "filled")
        equal(reply, "VOID", "the fill")
        check(loader.call("GET", "k") != b"older", "the old value landed")


def passed_on(server, change):
    """Of three who wait, one has the lease at once, the others once he has failed."""
    with server.client() as loader, server.client() as writer:
        token = take(loader, "k")
        waiters = [server.client() for _ in range(3)]
        for n, waiter in enumerate(waiters):
            waiter.send(frame("CACHE.GET", "k", *LEASE, *WAIT))
            wait_blocked(server, n + 1)
        change(writer, token)
        for n, waiter in enumerate(waiters):
            state, value, got = waiter.read()[:3]
            equal((state, value), (b"miss", None), f"waiter {n}")
            check(got and got != token, "no new lease")
            wait_blocked(server, 2 - n)
            equal(waiter.call("CACHE.FAIL", "k", got), 1, "failing")
            waiter.close()


MAKES_STRING = commands("SET k 12345678")
MAKES_LIST = commands("RPUSH k a b c")
MAKES_HASH = commands("HSET k f 1 g 2")
MAKES_SET = commands("SADD k 1 2 3", "SADD other 1 2 9")
MAKES_ZSET = commands("ZADD k 1 a 2 b")
MAKES_STREAM = commands("XADD k 1-1 f v")

# How it is made, what is asked, what is answered if it is not there.
SEES_NOTHING = {
    "get": (MAKES_STRING, ("GET", "k"), None),
    "cache-get": (MAKES_STRING, ("CACHE.GET", "k", "STALE"), [b"miss", None, None, 0, 0, -1]),
    "cache-info": (MAKES_STRING, ("CACHE.INFO", "k"), None),
    "cache-touch": (MAKES_STRING, ("CACHE.TOUCH", "k"), "VOID"),
    "exists": (MAKES_STRING, ("EXISTS", "k"), 0),
    "type": (MAKES_STRING, ("TYPE", "k"), "none"),
    "ttl": (MAKES_STRING, ("TTL", "k"), -2),
    "strlen": (MAKES_STRING, ("STRLEN", "k"), 0),
    "getrange": (MAKES_STRING, ("GETRANGE", "k", 0, -1), b""),
    "getdel": (MAKES_STRING, ("GETDEL", "k"), None),
    "getex": (MAKES_STRING, ("GETEX", "k", "PERSIST"), None),
    "set-get": (MAKES_STRING, ("SET", "k", "x", "GET"), None),
    "set-xx": (MAKES_STRING, ("SET", "k", "x", "XX"), None),
    "setnx": (MAKES_STRING, ("SETNX", "k", "x"), 1),
    "incr": (MAKES_STRING, ("INCR", "k"), 1),
    "append": (MAKES_STRING, ("APPEND", "k", "x"), 1),
    "mget": (MAKES_STRING, ("MGET", "k", "k"), [None, None]),
    "del": (MAKES_STRING, ("DEL", "k"), 0),
    "expire": (MAKES_STRING, ("EXPIRE", "k", 100), 0),
    "persist": (MAKES_STRING, ("PERSIST", "k"), 0),
    "rename": (MAKES_STRING, ("RENAME", "k", "other"), ServerError("ERR no such key")),
    "copy": (MAKES_STRING, ("COPY", "k", "other"), 0),
    "move": (MAKES_STRING, ("MOVE", "k", 1), 0),
    "dump": (MAKES_STRING, ("DUMP", "k"), None),
    "object": (MAKES_STRING, ("OBJECT", "ENCODING", "k"), None),
    "memory": (MAKES_STRING, ("MEMORY", "USAGE", "k"), None),
    "touch": (MAKES_STRING, ("TOUCH", "k"), 0),
    "scan": (MAKES_STRING, ("SCAN", 0, "COUNT", 1000), [b"0", []]),
    "keys": (MAKES_STRING, ("KEYS", "*"), []),
    "randomkey": (MAKES_STRING, ("RANDOMKEY",), None),
    "pfcount": (commands("PFADD k a"), ("PFCOUNT", "k"), 0),
    "sort": (MAKES_LIST, ("SORT", "k", "ALPHA"), []),
    "lrange": (MAKES_LIST, ("LRANGE", "k", 0, -1), []),
    "lpop": (MAKES_LIST, ("LPOP", "k"), None),
    "blpop": (MAKES_LIST, ("BLPOP", "k", 0.01), None),
    "rpushx": (MAKES_LIST, ("RPUSHX", "k", "x"), 0),
    "hget": (MAKES_HASH, ("HGET", "k", "f"), None),
    "hgetall": (MAKES_HASH, ("HGETALL", "k"), []),
    "hset": (MAKES_HASH, ("HSET", "k", "f", 1), 1),
    "sinter": (MAKES_SET, ("SINTER", "k", "other"), []),
    "sunion-card": (MAKES_SET, ("SINTERCARD", 2, "k", "other"), 0),
    "sdiff": (MAKES_SET, ("SDIFF", "k"), []),
    "zrange": (MAKES_ZSET, ("ZRANGE", "k", 0, -1), []),
    "zunion": (MAKES_ZSET, ("ZUNION", 1, "k"), []),
    "bzpopmin": (MAKES_ZSET, ("BZPOPMIN", "k", 0.01), None),
    "xlen": (MAKES_STREAM, ("XLEN", "k"), 0),
    "xread": (MAKES_STREAM, ("XREAD", "STREAMS", "k", 0), None),
    "script": (MAKES_STRING, ("EVAL", "return redis.call('EXISTS','k')", 1, "k"), 0),
}

TAGGED = "CACHE.SET k 12 TAGS 1 t"
KEEPS_TAGS = {
    "rename": f"{TAGGED};RENAME k other",
    "copy": f"{TAGGED};COPY k other",
    "move": f"{TAGGED};MOVE k 1;SELECT 1;MOVE k 0;SELECT 0",
    "swapdb": f"{TAGGED};SWAPDB 0 1;SWAPDB 0 1",
    "incr": f"{TAGGED};INCR k",
    "incrbyfloat": f"{TAGGED};INCRBYFLOAT k 0.5",
    "append": f"{TAGGED};APPEND k x",
    "append-to-a-blob": f"{TAGGED};SETRANGE k 100000 x;APPEND k y",
    "setrange": f"{TAGGED};SETRANGE k 1 xyz",
    "setbit": f"{TAGGED};SETBIT k 1000 1",
    "bitfield": f"{TAGGED};BITFIELD k SET u8 0 7",
    "pfadd": "PFADD k a;TAG.ADD k t;PFADD k b",
    "getex": f"{TAGGED};GETEX k EX 100",
    "expire": f"{TAGGED};EXPIRE k 100",
    "persist": "CACHE.SET k v TTL 1000 TAGS 1 t;PERSIST k",
    "set-keepttl": f"{TAGGED};SET k v KEEPTTL",
    "touch": f"{TAGGED};CACHE.TOUCH k TTL 1000",
    "stale": f"{TAGGED};CACHE.STALE k",
    "hset": "HSET k f 1;TAG.ADD k t;HSET k g 2",
    "hset-many": "HSET k f 1;TAG.ADD k t;EVAL for\ti=1,600\tdo\tredis.call('HSET','k',i,i)end 1 k",
    "hexpire": "HSET k f 1;TAG.ADD k t;HPEXPIRE k 100000 FIELDS 1 f;HSET k g 1",
    "rpush": "RPUSH k a;TAG.ADD k t;RPUSH k b;LPOP k",
    "sadd": "SADD k 1;TAG.ADD k t;SADD k x",
    "zadd": "ZADD k 1 a;TAG.ADD k t;ZADD k 2 b",
    "xadd": "XADD k 1-1 f v;TAG.ADD k t;XADD k 2-1 f v",
    "ltrim": "RPUSH k a b c;TAG.ADD k t;LTRIM k 1 1",
}
DROPS_TAGS = {
    "set": f"{TAGGED};SET k v",
    "getset": f"{TAGGED};GETSET k v",
    "mset": f"{TAGGED};MSET k v",
    "cache-set": f"{TAGGED};CACHE.SET k v",
    "cache-set-other": f"{TAGGED};CACHE.SET k v TAGS 1 u",
    "del-set": f"{TAGGED};DEL k;SET k v",
    "rename-onto": f"{TAGGED};SET other v;RENAME other k",
    "copy-onto": f"{TAGGED};SET other v;COPY other k REPLACE",
    "bitop": f"{TAGGED};SET other v;BITOP NOT k other",
    "sort-store": f"{TAGGED};RPUSH other 1;SORT other STORE k",
    "sunionstore": f"{TAGGED};SADD other 1;SUNIONSTORE k other",
    "setex": f"{TAGGED};SETEX k 100 v",
}

REFUSED = [
    ("CACHE.GET", "k", "LEASE", 0), ("CACHE.GET", "k", "LEASE", -1),
    ("CACHE.GET", "k", "LEASE", 2**63 - 1), ("CACHE.GET", "k", "LEASE", -2**63),
    ("CACHE.GET", "k", "LEASE", 2**64), ("CACHE.GET", "k", "LEASE"),
    ("CACHE.GET", "k", "LEASE", 1, "LEASE", 1), ("CACHE.GET", "k", "WAIT", -1),
    ("CACHE.GET", "k", "WAIT", 2**63 - 1), ("CACHE.GET", "k", "MINVER", 0),
    ("CACHE.GET", "k", "MINVER", -1), ("CACHE.GET", "k", "TTL", 5), ("CACHE.GET",),
    ("CACHE.SET", "k", "v", "TTL", 0), ("CACHE.SET", "k", "v", "TTL", -1),
    ("CACHE.SET", "k", "v", "TTL", 2**63 - 1), ("CACHE.SET", "k", "v", "STALE", 10),
    ("CACHE.SET", "k", "v", "JITTER", 10), ("CACHE.SET", "k", "v", "TTL", 10, "JITTER", 101),
    ("CACHE.SET", "k", "v", "TTL", 10, "STALE", 2**63 - 1),
    ("CACHE.SET", "k", "v", "VER", 0), ("CACHE.SET", "k", "v", "VER", -1),
    ("CACHE.SET", "k", "v", "VER", 2**63), ("CACHE.SET", "k", "v", "COST", -1),
    ("CACHE.SET", "k", "v", "COST", 2**40), ("CACHE.SET", "k", "v", "TOKEN", 0),
    ("CACHE.SET", "k", "v", "TAGS"), ("CACHE.SET", "k", "v", "TAGS", 0),
    ("CACHE.SET", "k", "v", "TAGS", -1), ("CACHE.SET", "k", "v", "TAGS", 2, "a"),
    ("CACHE.SET", "k", "v", "TAGS", 2**63 - 1, "a"), ("CACHE.SET", "k", "v", "TAGS", 1, "t" * 1025),
    ("CACHE.SET", "k", "v", "TAGS", 1, "t" * (10 << 20)),
    ("CACHE.SET", "k", "v", "TAGS", 65, *(f"t{n}" for n in range(65))),
    ("CACHE.SET", "k", "v", "TAGS", 1, "a", "TAGS", 1, "b"),
    ("CACHE.SET", "k", "v", "PXAT", 2**62), ("CACHE.SET", "k", "v", "CREATED", 1),
    ("CACHE.SET", "k", "v", "STALEAT", 1), ("CACHE.SET", "k", "v", "nonsense"),
    ("CACHE.SET", "k", "v", "STAMP", 1, "TOKEN", 5), ("CACHE.SET", "k", "v", "STAMP", 1, "TTL", 5),
    ("CACHE.ABSENT", "k", "TTL", 0), ("CACHE.ABSENT", "k", "PXAT", 2**60),
    ("CACHE.DEL", "k", "VER", 0), ("CACHE.DEL", "k", "TOMBSTONE", 5), ("CACHE.DEL", "k", "PXAT", 5),
    ("CACHE.DEL", "k", "VER", 1, "TOMBSTONE", 0), ("CACHE.DEL", "k", "VER", 1, "TTL", 5),
    ("CACHE.FAIL", "k", "x"), ("CACHE.FAIL", "k", -1), ("CACHE.FAIL", "k", 1, "RETRY", 0),
    ("CACHE.TOUCH", "k", "STALE", 5), ("CACHE.STALE",), ("CACHE.INFO",), ("CACHE.FORGET",),
    ("TAG.BUMP", "t"), ("TAG.BUMP", "MAYBE", "t"), ("TAG.BUMP", "SOFT", "t" * 1025),
    ("TAG.BUMP", "SOFT", "t" * (10 << 20)), ("TAG.ADD", "k"), ("TAG.ADD", "k", "t" * 1025),
    ("TAG.BUMPED", "t", "HARD", 0), ("TAG.BUMPED", "t", "HARD", 2**63), ("TAG.INFO",),
]
