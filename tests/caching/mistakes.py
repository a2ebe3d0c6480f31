# SPDX-License-Identifier: BSD-3-Clause
"""Mistakes that widely read guides to caching make, each as the guide has it, by plain commands,
and as it is with ours.

A case has a `naive` half, which asserts that the mistake is there, so that it is known to be tried,
and an `ours` half. The database is a dictionary.
"""

import threading

from harness import Server, ServerError, check, equal, wait_for

LEASE = ("LEASE", 60_000)
CASES = {}


def mistake(function):
    CASES[function.__name__] = function
    return function


class Database:
    """Rows with their version, and how often somebody has read one."""

    def __init__(self, **rows):
        self.rows = rows
        self.version = 1
        self.loads = 0
        self.lock = threading.Lock()

    def load(self, name):
        with self.lock:
            self.loads += 1
            return self.rows.get(name)

    def commit(self, name, value):
        """The version of what was written."""
        with self.lock:
            self.rows[name] = value
            self.version += 1
            return self.version


def lease(client, key, *more):
    reply = client.call("CACHE.GET", key, *LEASE, *more)
    check(reply[2], f"no lease: {reply}")
    return reply[2]


def together(count, work):
    """Runs work(n) in so many threads, which begin at once."""
    start, failures = threading.Barrier(count), []

    def run(number):
        try:
            start.wait()
            work(number)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"{failures[:1]}")


@mistake
def stale_set_after_delete(server):
    """A reader misses and loads, a writer changes the row and deletes the key, the reader stores
    what it has loaded."""
    with server.client() as reader, server.client() as writer:
        rows = Database(user="old")
        equal(reader.call("GET", "naive"), None)
        loaded = rows.load("user")
        rows.commit("user", "new")
        writer.call("DEL", "naive")
        reader.call("SET", "naive", loaded, "EX", 3600)
        equal(reader.call("GET", "naive"), b"old", "naive: the old row, for an hour")

        rows = Database(user="old")
        token = lease(reader, "ours")
        loaded = rows.load("user")
        rows.commit("user", "new")
        writer.call("DEL", "ours")
        equal(reader.call("CACHE.SET", "ours", loaded, "TOKEN", token, "TTL", 3_600_000), "VOID")
        equal(reader.call("GET", "ours"), None, "ours")


@mistake
def mutex_that_never_reads_the_cache(server):
    """Twenty callers of an absent key: each waits for the lock, and then loads all the same."""
    callers = 20
    naive, ours = Database(row="v"), Database(row="v")

    def get_with_mutex(number):
        with server.client() as client:
            while client.call("SET", "lock", number, "NX", "PX", 30_000) != "OK":
                pass
            client.call("SET", "naive", naive.load("row"))
            client.call("DEL", "lock")

    together(callers, get_with_mutex)
    equal(naive.loads, callers, "naive: loads")
    get_with_mutex(0)
    equal(naive.loads, callers + 1, "naive: and one more though it is there")

    def get(_):
        with server.client() as client:
            state, value, token = client.call("CACHE.GET", "ours", *LEASE, "WAIT", 20_000)[:3]
            if token:
                waiting = lambda: int(server.info("clients")["blocked_clients"]) == callers - 1
                wait_for(waiting, "the others to wait")
                value = ours.load("row").encode()
                equal(client.call("CACHE.SET", "ours", value, "TOKEN", token), "OK")
            equal(value, b"v", str(state))

    with server.client() as client:
        client.call("CONFIG", "RESETSTAT")
    together(callers, get)
    equal(ours.loads, 1, "ours: loads")
    calls = server.info("commandstats")["cmdstat_cache.get"]
    equal(calls.split(",")[0], f"calls={callers}", "ours: nobody polls")


@mistake
def two_writers_reversed(server):
    """Write-through: the database has the second writer's row, the cache the first one's."""
    with server.client() as first, server.client() as second:
        rows = Database()
        rows.commit("row", "1")
        rows.commit("row", "2")
        second.call("SET", "naive", "2")
        first.call("SET", "naive", "1")
        check(first.call("GET", "naive").decode() != rows.rows["row"], "naive: it is fresh")

        early, late = rows.commit("row", "3"), rows.commit("row", "4")
        equal(second.call("CACHE.SET", "ours", "4", "VER", late), "OK")
        equal(first.call("CACHE.SET", "ours", "3", "VER", early), "OLD")
        equal(first.call("GET", "ours"), b"4", "ours")


@mistake
def delete_overtaken_by_an_older_write(server):
    """A session is destroyed between an update's read and its write, and comes back to life."""
    with server.client() as updater, server.client() as other:
        other.call("SET", "naive", "session")
        session = updater.call("GET", "naive")
        other.call("DEL", "naive")
        updater.call("SET", "naive", session + b", seen again")
        equal(other.call("EXISTS", "naive"), 1, "naive: it lives")

        rows = Database()
        version = rows.commit("session", "session")
        other.call("CACHE.SET", "ours", "session", "VER", version)
        session = updater.call("CACHE.GET", "ours")
        equal(other.call("CACHE.DEL", "ours", "VER", rows.commit("session", None)), "OK")
        equal(updater.call("CACHE.SET", "ours", session[1] + b", seen again", "VER", session[3]),
              "OLD")
        equal(other.call("EXISTS", "ours"), 0, "ours")


@mistake
def falsy_values_are_never_cached(server):
    """`if value:` takes an empty one for a miss."""
    naive, ours = Database(row=""), Database(row="")
    with server.client() as client:
        for _ in range(5):
            if not client.call("GET", "naive"):
                client.call("SET", "naive", naive.load("row"))
        equal(naive.loads, 5, "naive: loads")
        for _ in range(5):
            state, value, token = client.call("CACHE.GET", "ours", *LEASE)[:3]
            if state == b"miss":
                client.call("CACHE.SET", "ours", ours.load("row"), "TOKEN", token)
            else:
                equal((state, value), (b"fresh", b""))
        equal(ours.loads, 1, "ours: loads")


@mistake
def absent_rows_cached_like_values(server):
    """None is cached as "null" for an hour, and the row's creation does not concern it."""
    with server.client() as client:
        rows = Database()
        client.call("SET", "naive", "null" if rows.load("row") is None else "value", "EX", 3600)
        rows.commit("row", "value")
        equal(client.call("GET", "naive"), b"null", "naive: it is not there")
        check(client.call("TTL", "naive") > 3000, "naive: for an hour")

        rows = Database()
        token = lease(client, "ours")
        rows.load("row")
        equal(client.call("CACHE.ABSENT", "ours", "TOKEN", token), "OK")
        equal(client.call("CACHE.GET", "ours", *LEASE)[:3], [b"fresh", None, None])
        check(client.call("CACHE.INFO", "ours")[9] <= 60_000, "ours: for longer than a minute")
        equal(client.call("EXISTS", "ours"), 0, "ours: plain commands see nothing")
        rows.commit("row", "value")
        equal(client.call("DEL", "ours"), 0, "ours: invalidated as any other")
        equal(client.call("CACHE.GET", "ours")[0], b"miss")


@mistake
def absent_rows_never_cached(server):
    """Who asks for what does not exist reaches the database each time."""
    naive, ours = Database(), Database()
    with server.client() as client:
        for _ in range(5):
            if client.call("GET", "naive") is None:
                value = naive.load("row")
                if value is not None:
                    client.call("SET", "naive", value)
        equal(naive.loads, 5, "naive: loads")
        for _ in range(5):
            token = client.call("CACHE.GET", "ours", *LEASE)[2]
            if token:
                equal(ours.load("row"), None)
                client.call("CACHE.ABSENT", "ours", "TOKEN", token)
        equal(ours.loads, 1, "ours: loads")


@mistake
def tag_set_takes_the_last_ttl(server):
    """EXPIRE of the tag's set with each entry: with the last one's time it goes, and the others
    cannot be found any more."""
    with server.client() as client:
        for key, ttl in (("naive:long", 3_600_000), ("naive:short", 20)):
            client.call("SET", key, "v", "PX", ttl)
            client.call("SADD", "tag", key)
            client.call("PEXPIRE", "tag", ttl)
        wait_for(lambda: client.call("EXISTS", "naive:short") == 0, "the short one to go")
        equal(client.call("SMEMBERS", "tag"), [], "naive: what has the tag")
        equal(client.call("EXISTS", "naive:long"), 1, "naive: it survives")

        for key, ttl in (("ours:long", 3_600_000), ("ours:short", 20)):
            client.call("CACHE.SET", key, "v", "TTL", ttl, "TAGS", 1, "tag")
        wait_for(lambda: client.call("EXISTS", "ours:short") == 0, "the short one to go")
        client.call("TAG.BUMP", "HARD", "tag")
        equal(client.call("EXISTS", "ours:long"), 0, "ours")


@mistake
def keys_added_while_a_tag_is_invalidated(server):
    """SMEMBERS, then DEL of these and of the set: what was added between has lost its tag."""
    with server.client() as client, server.client() as other:
        client.call("SET", "naive:1", "old")
        client.call("SADD", "tag", "naive:1")
        members = client.call("SMEMBERS", "tag")
        other.call("SET", "naive:2", "old")
        other.call("SADD", "tag", "naive:2")
        client.call("DEL", *members, "tag")
        equal(client.call("EXISTS", "naive:2"), 1, "naive: it survives")
        equal(client.call("SMEMBERS", "tag"), [], "naive: and is beyond reach")

        token = lease(other, "ours:2")
        client.call("CACHE.SET", "ours:1", "old", "TAGS", 1, "tag")
        client.call("TAG.BUMP", "HARD", "tag")
        equal(other.call("CACHE.SET", "ours:2", "old", "TOKEN", token, "TAGS", 1, "tag"), "VOID")
        token = lease(other, "ours:2")
        equal(other.call("CACHE.SET", "ours:2", "new", "TOKEN", token, "TAGS", 1, "tag"), "OK")
        equal(client.call("MGET", "ours:1", "ours:2"), [None, b"new"])
        client.call("TAG.BUMP", "HARD", "tag")
        equal(client.call("MGET", "ours:1", "ours:2"), [None, None], "ours: within reach")


@mistake
def retagging_never_removes(server):
    """A value that has other tags now goes with those that its predecessor had."""
    with server.client() as client:
        for tag in ("was", "is"):
            client.call("SET", "naive", "v")
            client.call("SADD", f"naive:{tag}", "naive")
        client.call("DEL", *client.call("SMEMBERS", "naive:was"))
        equal(client.call("EXISTS", "naive"), 0, "naive: gone by a tag that it has not")

        for tag in ("was", "is"):
            client.call("CACHE.SET", "ours", "v", "TAGS", 1, tag)
        client.call("TAG.BUMP", "HARD", "was")
        equal(client.call("EXISTS", "ours"), 1, "ours: it does not concern it")
        client.call("TAG.BUMP", "HARD", "is")
        equal(client.call("EXISTS", "ours"), 0, "ours: its own does")


@mistake
def tag_invalidation_is_a_herd(server):
    """All keys of a tag are deleted at once, and every reader of each loads."""
    naive, ours = Database(row="v"), Database(row="v")
    with server.client() as client:
        client.call("SET", "naive", "v")
        client.call("DEL", "naive")
        for _ in range(5):
            if client.call("GET", "naive") is None:
                naive.load("row")
        equal(naive.loads, 5, "naive: loads until the first is done")

        client.call("CACHE.SET", "ours", "v", "TAGS", 1, "tag")
        client.call("TAG.BUMP", "SOFT", "tag")
        for _ in range(5):
            state, value, token = client.call("CACHE.GET", "ours", *LEASE, "STALE")[:3]
            equal((state, value), (b"stale", b"v"), "ours: everyone is served")
            if token:
                ours.load("row")
        equal(ours.loads, 1, "ours: loads until the first is done")


@mistake
def first_invalidation_does_nothing(server):
    """A missing version reads as 1, and the first INCR makes it 1."""
    with server.client() as client:
        def version():
            return int(client.call("GET", "naive:version") or 1)

        client.call("SET", f"naive:{version()}", "old")
        client.call("INCR", "naive:version")
        equal(client.call("GET", f"naive:{version()}"), b"old", "naive: after invalidation")

        client.call("CACHE.SET", "ours", "old", "TAGS", 1, "space")
        client.call("TAG.BUMP", "HARD", "space")
        equal(client.call("GET", "ours"), None, "ours")


@mistake
def lost_version_key_revives_old_entries(server):
    """The version's key is evicted: the count begins anew, and so do the entries of then."""
    with server.client() as client:
        client.call("SET", "naive:version", 1)
        client.call("SET", "naive:1", "old")
        client.call("INCR", "naive:version")
        client.call("DEL", "naive:version")  # as eviction does
        again = int(client.call("GET", "naive:version") or 1)
        equal(client.call("GET", f"naive:{again}"), b"old", "naive: it is back")

        client.call("CACHE.SET", "ours", "old", "TAGS", 1, "space")
        client.call("TAG.BUMP", "SOFT", "space")
        for start in range(0, 20_000, 500):  # more than are remembered of those nobody has
            client.call("TAG.BUMP", "SOFT", *(f"other:{start + n}" for n in range(500)))
        equal(client.call("CACHE.GET", "ours", "STALE")[0], b"stale", "ours")


@mistake
def version_read_after_the_load(server):
    """`set` asks for the version once the row is loaded: an old row under the new version."""
    with server.client() as reader, server.client() as writer:
        rows = Database(row="old")
        loaded = rows.load("row")
        rows.commit("row", "new")
        writer.call("INCRBY", "naive:version", 2)
        version = reader.call("GET", "naive:version").decode()
        reader.call("SET", f"naive:{version}", loaded)
        equal(reader.call("GET", f"naive:{version}"), b"old", "naive")

        rows = Database(row="old")
        token = lease(reader, "ours")
        loaded = rows.load("row")
        rows.commit("row", "new")
        writer.call("TAG.BUMP", "SOFT", "space")
        equal(reader.call("CACHE.SET", "ours", loaded, "TOKEN", token, "TAGS", 1, "space"), "VOID")


@mistake
def early_expiry_that_prolongs(server):
    """early_expire.lua: each read of a key near its end gives it a longer time, so a hot key is
    never loaded anew."""
    script = """local left = redis.call('PTTL', KEYS[1])
                if left > 0 and left < 60000 then redis.call('PEXPIRE', KEYS[1], left * 2) end
                return redis.call('GET', KEYS[1])"""
    with server.client() as client:
        client.call("SET", "naive", "old", "PX", 5000)
        for _ in range(5):
            client.call("EVAL", script, 1, "naive")
        check(client.call("PTTL", "naive") > 30_000, "naive: it lives for longer")

        client.call("CACHE.SET", "ours", "old", "TTL", 5000, "COST", 5000)
        left = client.call("PTTL", "ours")
        replies = [client.call("CACHE.GET", "ours", *LEASE) for _ in range(5)]
        check(client.call("PTTL", "ours") <= left, "ours: it does not")
        equal([reply[:2] for reply in replies], [[b"fresh", b"old"]] * 5)
        tokens = [reply[2] for reply in replies if reply[2]]
        equal(len(tokens), 1, "ours: one loads it")
        equal(client.call("CACHE.SET", "ours", "new", "TOKEN", tokens[0], "TTL", 5000), "OK")
        equal(client.call("CACHE.GET", "ours", *LEASE)[:3], [b"fresh", b"new", None])


@mistake
def unfenced_write_after_the_lock_has_expired(server):
    """A loader is slower than its lock's time; another loads the new row before it."""
    with server.client() as slow, server.client() as other:
        rows = Database(row="old")
        slow.call("SET", "lock", "slow", "NX", "PX", 20)
        loaded = rows.load("row")
        wait_for(lambda: other.call("SET", "lock", "other", "NX", "PX", 30_000) == "OK", "the lock")
        rows.commit("row", "new")
        other.call("SET", "naive", rows.load("row"))
        slow.call("SET", "naive", loaded)
        equal(other.call("GET", "naive"), b"old", "naive")

        rows = Database(row="old")
        token = slow.call("CACHE.GET", "ours", "LEASE", 20)[2]
        loaded = rows.load("row")
        rows.commit("row", "new")
        state, _, next_token = other.call("CACHE.GET", "ours", *LEASE, "WAIT", 20_000)[:3]
        equal(state, b"miss", "ours: who waits is next")
        equal(slow.call("CACHE.SET", "ours", loaded, "TOKEN", token), "VOID")
        equal(other.call("CACHE.SET", "ours", rows.load("row"), "TOKEN", next_token), "OK")
        equal(slow.call("CACHE.SET", "ours", loaded, "TOKEN", token), "VOID")
        equal(other.call("GET", "ours"), b"new", "ours")


@mistake
def lock_of_a_dead_loader(server):
    """SETNX without a time: its holder dies, and nobody ever loads again."""
    with server.client() as client:
        with server.client() as dies:
            dies.call("SETNX", "lock", "dies")
            token = dies.call("CACHE.GET", "ours", "LEASE", 30)[2]
        equal(client.call("SETNX", "lock", "next"), 0, "naive: locked")
        equal(client.call("PTTL", "lock"), -1, "naive: for ever")
        state, _, next_token = client.call("CACHE.GET", "ours", *LEASE, "WAIT", 20_000)[:3]
        equal(state, b"miss", "ours")
        check(next_token not in (None, token), "ours: the next one has it")


@mistake
def stale_value_after_a_failed_load(server):
    """The row cannot be loaded and the value has expired: nobody has anything, and all try."""
    naive = Database()
    with server.client() as client:
        client.call("SET", "naive", "v", "PX", 1)
        wait_for(lambda: client.call("GET", "naive") is None, "it to expire")
        for _ in range(5):
            if client.call("GET", "naive") is None:
                naive.load("the database is down")
        equal(naive.loads, 5, "naive: nothing is served, and each tries")

        client.call("CACHE.SET", "ours", "v", "TTL", 1, "STALE", 600_000)
        wait_for(lambda: client.call("CACHE.INFO", "ours")[1] == b"stale", "it to be stale")
        reply = client.call("CACHE.GET", "ours", *LEASE, "STALE")
        equal(client.call("CACHE.FAIL", "ours", reply[2], "RETRY", 60_000), 1)
        for _ in range(5):
            equal(client.call("CACHE.GET", "ours", *LEASE, "STALE")[:3], [b"stale", b"v", None],
                  "ours: served, and nobody tries")


@mistake
def write_behind_crashes_between_its_two_steps(server):
    """SET, and then XADD: who dies between them has told its caller's reader, but no worker."""
    with server.client() as client:
        client.call("SET", "naive", "new")
        # ... dies here
        equal(client.call("GET", "naive"), b"new")
        equal(client.call("XLEN", "naive-log"), 0, "naive: nobody will write it")

        client.call("CACHE.SET", "ours", "new", "VER", 2, "BEHIND", "ours-log")
        entries = client.call("XRANGE", "ours-log", "-", "+")
        equal(entries[0][1][-1], b"new", "ours: one step")


@mistake
def write_behind_ends_before_its_flush(server):
    """The value's time ends before the worker comes; the old row is loaded and cached again."""
    with server.client() as client:
        rows = Database(row="old")
        client.call("SET", "naive", "new", "PX", 1)
        client.call("XADD", "naive-log", "*", "value", "new")
        wait_for(lambda: client.call("GET", "naive") is None, "it to expire")
        client.call("SET", "naive", rows.load("row"))
        equal(client.call("GET", "naive"), b"old", "naive: what was written is undone")

        entry = client.call("CACHE.SET", "ours", "new", "VER", 2, "TTL", 1, "BEHIND", "ours-log")
        wait_for(lambda: client.call("SET", "clock", "x", "PX", 1) and
                 wait_for(lambda: client.call("GET", "clock") is None, "a longer time to end"),
                 "its time to end")
        equal(client.call("CACHE.GET", "ours", *LEASE)[:3], [b"fresh", b"new", None],
              "ours: it does not end, and nobody may load")
        rows.commit("row", "new")
        equal(client.call("CACHE.ACK", "ours-log", entry, "ours"), 1)
        equal(client.call("CACHE.GET", "ours", *LEASE)[0], b"miss", "ours: now it does")
        equal(rows.load("row"), "new")


@mistake
def write_behind_queue_without_end(server):
    """The worker is down: the queue grows until memory is gone."""
    with server.client() as client:
        for n in range(50):
            client.call("XADD", "naive-log", "*", "value", n)
        equal(client.call("XLEN", "naive-log"), 50, "naive: and so on")

        replies = [client.call("CACHE.SET", f"ours:{n}", n, "BEHIND", "ours-log", "MAXLEN", 20)
                   for n in range(50)]
        equal([isinstance(reply, ServerError) for reply in replies], [False] * 20 + [True] * 30)
        equal(client.call("XLEN", "ours-log"), 20, "ours: the writer is told")
        equal(client.call("EXISTS", "ours:20"), 0, "ours: and nothing has changed")


@mistake
def write_behind_trimmed_away(server):
    """XADD ... MAXLEN keeps the queue small by forgetting what nobody has written yet."""
    with server.client() as client:
        for n in range(30):
            client.call("XADD", "naive-log", "MAXLEN", 20, "*", "value", n)
        first = client.call("XRANGE", "naive-log", "-", "+", "COUNT", 1)
        equal(first[0][1][-1], b"10", "naive: ten writes are lost")

        for n in range(30):
            client.call("CACHE.SET", f"ours:{n}", n, "BEHIND", "ours-log", "MAXLEN", 20)
        first = client.call("XRANGE", "ours-log", "-", "+", "COUNT", 1)
        equal(first[0][1][-1], b"0", "ours: what was accepted stays")


@mistake
def write_behind_of_a_hot_key(server):
    """A thousand writes of one key are a thousand writes of the database."""
    with server.client() as client:
        for n in range(1000):
            client.call("SET", "naive", n)
            client.call("XADD", "naive-log", "*", "value", n)
        equal(client.call("XLEN", "naive-log"), 1000, "naive")

        for n in range(1000):
            client.call("CACHE.SET", "ours", n, "BEHIND", "ours-log", "COALESCE", 600_000)
        entries = client.call("XRANGE", "ours-log", "-", "+")
        equal([entry[1][-1] for entry in entries], [b"999"], "ours: the last one")


@mistake
def volatile_lru_for_keys_without_a_ttl(_):
    """"No TTLs? Take volatile-lru": it evicts nothing that has none, and refuses all writes. The
    policies by frequency, which the guide leaves out, are there; CACHE.SET in a namespace has a TTL
    though its caller gives none."""
    for policy, evicts in (("volatile-lru", False), ("volatile-lfu", False), ("allkeys-lfu", True)):
        with Server("--maxmemory", "12mb", "--maxmemory-policy", policy,
                    "--cairn-namespaces", "ours: TTL 3600000") as on, on.client() as client:
            said = [client.call("SET", f"naive:{n}", "v" * 100_000) for n in range(200)]
            equal("OOM" not in str(said), evicts, f"naive: {policy}")
            client.call("FLUSHALL")
            said = {client.call("CACHE.SET", f"ours:{n}", "v" * 100_000) for n in range(200)}
            equal(said, {"OK"}, f"ours: {policy}")


@mistake
def hot_keys_by_commandstats(server):
    """INFO commandstats and LATENCY do not name a key, hot as it may be."""
    with server.client() as client:
        for _ in range(2000):
            client.call("GET", "page:hot")
        told = client.call("INFO", "commandstats"), client.call("LATENCY", "LATEST")
        check("page:hot" not in str(told), "naive")

        def hottest():
            for _ in range(500):
                client.call("GET", "page:hot")
            reply = client.call("CACHE.HOTKEYS", "READ", "LIMIT", 3)
            return "page:hot" in str(reply)
        wait_for(hottest, "ours: to be told")
