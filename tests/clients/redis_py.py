# SPDX-License-Identifier: BSD-3-Clause
"""python3-redis as an application uses it. Arguments: the server's port and its Unix socket.

Each case prints "ok NAME" or "FAIL NAME: why".
"""

import asyncio
import sys
import threading
import time

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

PORT, SOCKET = int(sys.argv[1]), sys.argv[2]
SECONDS_MAX = 20


def client(**more):
    return redis.Redis(port=PORT, socket_timeout=SECONDS_MAX, **more)


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def raises(kind, text, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def strings(r):
    assert r.set("a", "b") is True
    assert r.get("a") == b"b" and r.get("none") is None
    assert r.set("a", "c", nx=True) is None
    assert r.set("a", "c", xx=True, get=True) == b"b"
    assert r.mset({"x": 1, "y": 2.5}) is True
    assert r.mget("x", "y", "z") == [b"1", b"2.5", None]
    assert r.msetnx({"x": 3, "w": 4}) is False
    assert r.incr("x", 41) == 42 and r.decr("x") == 41 and r.incrbyfloat("x", 0.5) == 41.5
    assert r.append("a", "def") == 4 and r.getrange("a", 1, -2) == b"de"
    assert r.setrange("a", 1, "XY") == 4 and r.strlen("a") == 4
    assert r.getset("a", "new") == b"cXYf" and r.getdel("a") == b"new"
    assert r.lcs("x", "y") == b".5"
    r["item"] = "set"
    assert "item" in r and r["item"] == b"set"
    del r["item"]
    assert r.exists("item", "x", "y") == 2


def expiry(r):
    r.set("a", "b", px=40_000)
    assert 0 < r.pttl("a") <= 40_000
    r.set("a", "b", px=40)
    wait_for(lambda: not r.exists("a"), "the key to expire")
    r.setex("a", 100, "b")
    assert 90 < r.ttl("a") <= 100
    assert r.expire("a", 50, gt=True) == 0 and r.expire("a", 200, gt=True) == 1
    assert r.expireat("a", int(time.time()) + 1000) and r.expiretime("a") > time.time()
    assert r.getex("a", persist=True) == b"b" and r.ttl("a") == -1 and r.ttl("none") == -2
    r.set("a", "b", ex=100)
    r.set("a", "c", keepttl=True)
    assert r.ttl("a") > 90


def pipeline(r):
    pipe = r.pipeline(transaction=False)
    for i in range(10_000):
        pipe.set(f"k{i}", i)
    pipe.get("k9999").incr("k1").dbsize()
    assert pipe.execute()[-3:] == [b"9999", 2, 10_000]
    pipe = r.pipeline(transaction=False)
    pipe.set("text", "no number").incr("text").get("text")
    replies = pipe.execute(raise_on_error=False)
    assert isinstance(replies[1], redis.ResponseError) and replies[2] == b"no number", replies


def scan_iter(r):
    r.mset({f"{'mine' if i % 3 == 0 else 'other'}:{i}": i for i in range(3000)})
    assert len(set(r.scan_iter())) == 3000
    assert len(set(r.scan_iter(match="mine:*", count=100))) == 1000
    assert len(set(r.scan_iter(_type="string"))) == 3000
    assert not list(r.scan_iter(_type="list"))
    assert len(r.keys("mine:1*")) == len([i for i in range(0, 3000, 3) if str(i)[0] == "1"])
    assert r.randomkey() in set(r.keys())


def binary_and_unicode(r):
    key, value = bytes(range(256)), bytes(reversed(range(256)))
    r.set(key, value)
    assert r.get(key) == value and r.keys() == [key]
    text = client(decode_responses=True)
    text.set("ключ 🔑", "значение 値")
    assert text.get("ключ 🔑") == "значение 値" and text.keys("ключ*") == ["ключ 🔑"]


def big_value(r):
    big = b"big" * (10 * 1024 * 1024 // 3)
    assert r.set("big", big) and r.get("big") == big and r.strlen("big") == len(big)
    assert r.copy("big", "twin") and r.rename("twin", "other") and r.get("other") == big
    assert r.unlink("big", "other") == 2


def client_info(r):
    mine = client(client_name="of-redis-py")
    info = mine.client_info()
    assert info["name"] == "of-redis-py" and info["id"] == mine.client_id(), info
    assert info["cmd"] == "client|info" and info["db"] == 0, info
    listed = {one["id"]: one for one in r.client_list()}
    assert listed[str(info["id"])]["name"] == "of-redis-py", listed
    assert mine.client_setname("renamed") and mine.client_getname() == "renamed"
    assert r.client_list(client_id=[str(info["id"])])[0]["name"] == "renamed"
    assert r.client_kill_filter(_id=str(info["id"])) == 1
    assert all(one["name"] != "renamed" for one in r.client_list())
    assert mine.client_id() > info["id"], "the pool has made a new one"


def connection_pool(r):
    pool = redis.BlockingConnectionPool(port=PORT, max_connections=8, timeout=SECONDS_MAX)
    failures = []

    def work():
        try:
            mine = redis.Redis(connection_pool=pool)
            for _ in range(200):
                mine.incr("n")
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and r.get("n") == b"4000", failures
    pool.disconnect()


def reconnect(r):
    again = Retry(NoBackoff(), 3)
    for _ in range(5):
        mine = client(retry=again, retry_on_error=[redis.ConnectionError])
        number = mine.client_id()
        assert r.client_kill_filter(_id=str(number)) == 1
        assert mine.set("after", "kill") and mine.client_id() > number


def administration(r):
    info = r.info()
    assert info["redis_version"] == "7.2.4" and info["tcp_port"] == PORT, info
    assert r.info("keyspace") == {}
    r.set("a", 1, ex=100)
    assert r.info("keyspace")["db0"]["expires"] == 1
    assert r.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"
    assert r.config_set("maxmemory-samples", 7)
    assert r.config_get("maxmemory-samples") == {"maxmemory-samples": "7"}
    assert r.config_resetstat()
    assert abs(r.time()[0] - time.time()) < 60
    assert r.dbsize() == 1 and r.object("encoding", "a") == b"int" and r.object("refcount", "a")
    assert r.memory_usage("a") > 0 and r.memory_stats()["keys.count"] == 1
    r.config_set("slowlog-log-slower-than", 0)
    r.get("slow")
    r.config_set("slowlog-log-slower-than", 10_000)
    assert any(entry["command"] == b"GET slow" for entry in r.slowlog_get())
    assert r.slowlog_len() > 0 and r.slowlog_reset()
    assert r.command_count() > 70 and "get" in r.command()
    assert r.command_getkeys("MSET", "a", 1, "b", 2) == ["a", "b"]
    assert r.echo("x") == b"x" and r.ping()
    assert r.wait(0, 10) == 0 and r.swapdb(0, 1) and r.dbsize() == 0 and r.flushall()


def databases(r):
    other = client(db=5)
    other.set("a", "five")
    assert r.get("a") is None and other.move("a", 6) and client(db=6).get("a") == b"five"
    assert other.flushdb(asynchronous=True) and other.dbsize() == 0


def bitmaps_and_counts(r):
    assert r.setbit("bits", 7, 1) == 0 and r.getbit("bits", 7) == 1
    assert r.bitcount("bits", 0, 0) == 1 and r.bitpos("bits", 1) == 7
    assert r.bitop("NOT", "twin", "bits") == 1 and r.get("twin") == b"\xfe"
    assert r.bitfield("bits").set("u8", 0, 255).incrby("u8", 0, 10).execute() == [1, 9]
    assert r.pfadd("hll", *range(1000)) == 1 and 950 < r.pfcount("hll") < 1050
    assert r.pfmerge("sum", "hll") and r.pfcount("sum", "hll") == r.pfcount("hll")


def errors(r):
    r.set("a", "b")
    raises(redis.ResponseError, "value is not an integer or out of range", r.incr, "a")
    raises(redis.ResponseError, "unknown command", r.execute_command, "NOPE")
    raises(redis.ResponseError, "wrong number of arguments", r.execute_command, "GET")
    raises(redis.ResponseError, "DB index is out of range", client(db=99).ping)


def password(r):
    r.config_set("requirepass", "secret")
    try:
        raises(redis.AuthenticationError, "", client().ping)
        raises(redis.ResponseError, "WRONGPASS invalid", client(password="wrong").ping)
        assert client(password="secret").ping()
        assert client(username="default", password="secret").ping()
        assert redis.Redis.from_url(f"redis://:secret@127.0.0.1:{PORT}/2").ping()
    finally:
        r.config_set("requirepass", "")


def unix_socket(_):
    mine = redis.Redis(unix_socket_path=SOCKET)
    assert mine.set("a", "b") and mine.get("a") == b"b"
    assert mine.client_info()["addr"] == f"{SOCKET}:0" or mine.client_info()["addr"]


def asyncio_client(_):
    async def work():
        mine = redis.asyncio.Redis(port=PORT)
        await asyncio.gather(*(mine.incr("n") for _ in range(300)))
        pipe = mine.pipeline(transaction=False)
        for i in range(100):
            pipe.set(f"async{i}", i)
        await pipe.execute()
        assert await mine.get("n") == b"300" and await mine.dbsize() == 101
        await mine.close()
    asyncio.run(work())


def subscribing(r):
    listener = r.pubsub()
    listener.subscribe("news", "other")
    listener.psubscribe("n*")
    told = [listener.get_message(timeout=SECONDS_MAX) for _ in range(3)]
    assert [m["type"] for m in told] == ["subscribe", "subscribe", "psubscribe"], told
    assert [m["data"] for m in told] == [1, 2, 3], told
    assert r.publish("news", "hello") == 2 and r.publish("xyz", "x") == 0
    message, matched = (listener.get_message(timeout=SECONDS_MAX) for _ in range(2))
    assert (message["type"], message["data"]) == ("message", b"hello"), message
    assert (matched["pattern"], matched["channel"]) == (b"n*", b"news"), matched
    assert r.pubsub_channels("n*") == [b"news"] and r.pubsub_numpat() == 1
    assert r.pubsub_numsub("news", "none") == [(b"news", 1), (b"none", 0)]
    listener.ping("still there")
    assert listener.get_message(timeout=SECONDS_MAX)["data"] == b"still there"
    listener.unsubscribe()
    listener.punsubscribe()
    assert [listener.get_message(timeout=SECONDS_MAX)["data"] for _ in range(3)] == [2, 1, 0]
    listener.close()


def subscribing_in_a_thread(r):
    got = []
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(**{"jobs": lambda message: got.append(int(message["data"]))})
    thread = listener.run_in_thread(sleep_time=0.01)
    wait_for(lambda: r.publish("jobs", -1) == 1, "the listener")
    pipe = r.pipeline(transaction=False)
    for i in range(5000):
        pipe.publish("jobs", i)
    assert pipe.execute() == [1] * 5000
    wait_for(lambda: got and got[-1] == 4999, "the last message")
    thread.stop()
    thread.join()
    assert got == [-1] + list(range(5000))


def keyspace_events(r):
    r.config_set("notify-keyspace-events", "KEA")
    try:
        listener = r.pubsub(ignore_subscribe_messages=True)
        listener.psubscribe("__keyspace@0__:*")
        listener.subscribe("__keyevent@0__:expired")
        wait_for(lambda: r.pubsub_numpat() == 1, "the listener")
        for _ in range(2):
            assert listener.get_message(timeout=1) is None
        pipe = r.pipeline()  # no time passes between
        pipe.set("a", 1, px=20).rename("a", "b")
        pipe.execute()
        events = []

        def all_came():
            message = listener.get_message(timeout=SECONDS_MAX)
            if message:
                events.append((message["channel"].split(b":")[1], message["data"]))
            return len(events) == 6

        wait_for(all_came, "the events")
        assert events == [(b"a", b"set"), (b"a", b"expire"), (b"a", b"rename_from"),
                          (b"b", b"rename_to"), (b"b", b"expired"), (b"expired", b"b")], events
        listener.close()
    finally:
        r.config_set("notify-keyspace-events", "")


CASES = [strings, expiry, pipeline, scan_iter, binary_and_unicode, big_value, client_info,
         connection_pool, reconnect, administration, databases, bitmaps_and_counts, errors,
         password, unix_socket, asyncio_client, subscribing, subscribing_in_a_thread,
         keyspace_events]


def main():
    for case in CASES:
        try:
            r = client()
            r.flushall()
            case(r)
            print(f"ok {case.__name__}")
        except Exception as error:  # pylint: disable=broad-except
            where = error.__traceback__
            while where.tb_next and where.tb_next.tb_frame.f_code.co_filename == __file__:
                where = where.tb_next
            print(f"FAIL {case.__name__}: line {where.tb_lineno}: {error!r}")


if __name__ == "__main__":
    main()
