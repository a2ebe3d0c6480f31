# SPDX-License-Identifier: BSD-3-Clause
"""Requests with arguments of megabytes go on from the input as a whole: to the lane, into what
MULTI has queued, to subscribers. Their bytes, their order among others, and what they count as."""

import multiprocessing
import re
import select
import struct
import threading

from harness import Client, SANITIZED, Server, ServerError, check, equal, frame, wait_for
from large_values import HUGE, pattern

MIB = 1024 * 1024
LARGE = 3 * MIB  # more than goes to the lane


def figures(client, name):
    """What CLIENT LIST shows of the client of that name."""
    for line in client.call("CLIENT", "LIST").decode().splitlines():
        shown = dict(re.findall(r"(\S+?)=(\S*)", line))
        if shown["name"] == name:
            return shown
    return None


def received(server):
    return int(server.info("stats")["total_net_input_bytes"])


def send_in_pieces(server, client, stream, cuts):
    """The server has read each piece before it gets the next one."""
    at = 0
    for cut in sorted(cuts) + [len(stream)]:
        before = received(server)
        client.send(stream[at:cut])
        wait_for(lambda read=before + cut - at: received(server) >= read, "the piece")
        at = cut


def ask(port, done, answers):
    """Another client, in a process of its own: Python copies megabytes with its lock held."""
    count = 0
    with Client(port) as client:
        client.socket.settimeout(200)
        while not done.is_set():
            equal(client.call("PING"), "PONG")
            count += 1
    answers.put(count)


def OthersGoOnBesideHugeArguments():
    """Whatever the command, and however it comes. (How long they wait is bench/heavy.py's; that the
    lane runs these is LargeArguments' in engine_test.)"""
    value = pattern(HUGE, 3)
    rows = [
        ([("SET", "k", value)], ["OK"]), ([("APPEND", "k", value)], [2 * HUGE]),
        ([("APPEND", "k", "x")], [2 * HUGE + 1]), ([("SETRANGE", "k", 7, value)], [2 * HUGE + 1]),
        ([("DEL", "k")], [1]), ([("SETEX", "k", 1000, value)], ["OK"]),
        ([("GETSET", "k", value)], [value]),
        ([("MSET", "k", value, "k2", value, "k3", value)], ["OK"]),
        ([("DEL", "k", "k2", "k3")], [3]), ([("RPUSH", "l", value)], [1]),
        ([("LINSERT", "l", "BEFORE", value, value)], [2]), ([("LSET", "l", 0, "x")], ["OK"]),
        ([("LRANGE", "l", 0, -1)], [[b"x", value]]), ([("RPOP", "l")], [value]),
        ([("HSET", "h", "f", value)], [1]), ([("HGET", "h", "f")], [value]),
        ([("DEL", "h", "l")], [2]), ([("ECHO", value)], [value]), ([("PING", value)], [value]),
        ([("MULTI",), ("SET", "k", value), ("RPUSH", "l", value), ("EXEC",)],
         ["OK", "QUEUED", "QUEUED", ["OK", 1]]),
        ([("FLUSHALL",)], ["OK"]),
    ]
    requests = [b"".join(frame(*words) for words in row) for row, _ in rows]
    done, answers = multiprocessing.Event(), multiprocessing.SimpleQueue()
    with Server("--io-threads", 1) as server, server.client() as a:
        a.socket.settimeout(200)
        asking = multiprocessing.Process(target=ask, args=(server.port, done, answers))
        asking.start()
        try:
            for request, (row, wanted) in zip(requests, rows):
                # One that answers while it is being sent has to be read meanwhile.
                sending = threading.Thread(target=a.send, args=(request,))
                sending.start()
                got = [a.read() for _ in row]
                sending.join()
                check(got == wanted, f"{row[0][0]}: {str(got)[:200]}")
        finally:
            done.set()
            count = answers.get()
            asking.join()
        check(count > 100, f"others were answered: {count}")


def TransactionsOfLargeArguments():
    """What follows a request that was queued with its input is run from elsewhere."""
    for size in (128 * 1024, LARGE):
        value, other = pattern(size, 1), pattern(size, 2)
        big = frame("SET", "k", value)
        stream = (frame("PING") + frame("MULTI") + big + frame("APPEND", "k", other) +
                  frame("RPUSH", "l", value) + frame("GET", "k") + frame("EXEC") +
                  frame("STRLEN", "k") + frame("ECHO", "behind"))
        wanted = ["PONG", "OK"] + 4 * ["QUEUED"] + [["OK", 2 * size, 1, value + other], 2 * size,
                                                    b"behind"]
        begin = len(frame("PING") + frame("MULTI"))
        cuts = [[], [1], [begin], [begin + 30], [begin + len(big) - 1], [begin + len(big)],
                [begin + len(big) + 20], [len(stream) - 10],
                [begin + size // 2, begin + len(big) + size // 2, begin + 2 * len(big) + 500]]
        with Server("--io-threads", 1) as server, server.client() as a:
            for cut in cuts:
                send_in_pieces(server, a, stream, cut)
                check([a.read() for _ in wanted] == wanted, (size, cut))
                equal(a.call("DEL", "k", "l"), 2)
            # With what the lane does not do among it, and muted.
            a.send(frame("MULTI") + big + frame("PING") + frame("ECHO", other) + frame("EXEC"))
            equal([a.read() for _ in range(4)], ["OK"] + 3 * ["QUEUED"])
            check(a.read() == ["OK", "PONG", other], size)
            a.send(frame("CLIENT", "REPLY", "OFF") + frame("MULTI") + big + frame("EXEC") +
                   frame("CLIENT", "REPLY", "ON") + frame("GET", "k"))
            equal(a.read(), "OK")
            check(a.read() == value, size)


def TransactionsThatRunNothing():
    value = pattern(LARGE, 1)
    big = frame("SET", "k", value)
    with Server("--io-threads", 1) as server, server.client() as a, server.client() as b:
        a.call("CLIENT", "SETNAME", "a")

        def queued():
            return int(figures(b, "a")["multi-mem"])
        base = int(server.info("memory")["used_memory"])
        for end in ("DISCARD", "EXEC", "changed", "RESET"):
            if end == "changed":
                equal(a.call("WATCH", "w"), "OK")
            a.send(frame("MULTI") + big + big)
            equal([a.read() for _ in range(3)], ["OK", "QUEUED", "QUEUED"])
            shown = queued()
            check(2 * LARGE <= shown < 2 * LARGE + MIB, f"multi-mem={shown}")
            check(int(figures(b, "a")["tot-mem"]) >= shown, "tot-mem")
            if end == "EXEC":
                check(isinstance(a.call("GET"), ServerError))
                equal(a.call("SET", "k", value), "QUEUED")
                equal(queued(), shown, "a lost transaction keeps no more")
                equal(a.call("EXEC"), ServerError(
                    "EXECABORT Transaction discarded because of previous errors."))
            elif end == "changed":
                equal(b.call("SET", "w", 1), "OK")
                equal(a.call("EXEC"), None)
            else:
                equal(a.call(end), "RESET" if end == "RESET" else "OK")
                a.call("CLIENT", "SETNAME", "a")
            equal([a.call("EXISTS", "k"), queued()], [0, 0])
        for _ in range(5):
            with server.client() as gone:
                gone.send(frame("MULTI") + big)
                equal([gone.read(), gone.read()], ["OK", "QUEUED"])
        wait_for(lambda: int(server.info("memory")["used_memory"]) < base + MIB,
                 "memory given back")


def LimitsOfLargeArguments():
    """Those that Redis has, wherever the argument goes then."""
    value = pattern(LARGE, 1)
    with Server("--io-threads", 1, "--client-query-buffer-limit", 4 * LARGE) as server, \
            server.client() as a:
        # What is queued counts.
        a.send(frame("MULTI") + 3 * frame("SET", "k", value))
        equal([a.read() for _ in range(4)], ["OK"] + 3 * ["QUEUED"])
        a.send(frame("SET", "k", value))
        check(a.rest() in (b"", b"+QUEUED\r\n"), "closed")
        equal(int(server.info("stats")["client_query_buffer_limit_disconnections"]), 1)
    with Server("--io-threads", 1, "--proto-max-bulk-len", 2 * LARGE) as server, \
            server.client() as a:
        equal([a.call("SET", "k", value), a.call("APPEND", "k", value)], ["OK", 2 * LARGE])
        wrong = ServerError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        equal(a.call("APPEND", "k", value), wrong)
        equal(a.call("APPEND", "k", "x"), wrong)
        equal(a.call("SETRANGE", "k", 2 * LARGE - 1, "xy"), wrong)
        check(a.call("GET", "k") == 2 * value)
        a.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (2 * LARGE + 1))
        equal(a.read(), ServerError("ERR Protocol error: invalid bulk length"))
    with Server("--io-threads", 1, "--maxmemory", 5 * LARGE) as server, server.client() as a:
        equal([a.call("SET", f"k{i}", value) for i in range(3)], ["OK"] * 3)
        said = [a.call("SET", f"more{i}", value) for i in range(3)]
        check(all(isinstance(word, ServerError) and word.startswith("OOM") for word in said[1:]),
              said)
        equal([a.call("MULTI"), a.call("SET", "k0", value)[:3]], ["OK", "OOM"])
        check(a.call("EXEC").startswith("EXECABORT"))
        equal(a.call("DEL", "k0", "k1"), 2)
        equal([a.call("MULTI"), a.call("SET", "k0", value), a.call("EXEC")],
              ["OK", "QUEUED", ["OK"]])


def BehindWhatTheLaneRunsLittleIsRead():
    """A client that sends ahead is read on when it has its answer; its input does not grow."""
    value = pattern(4 * LARGE, 1)
    with Server("--io-threads", 1) as server, server.client() as a, server.client() as b:
        a.call("CLIENT", "SETNAME", "a")
        count = 40_000 if SANITIZED else 150_000
        for first in range(0, count, 10_000):
            members = range(first, first + 10_000)
            a.call("ZADD", "z", *[word for i in members for word in (i, f"member:{i}")])
        stream = frame("ZRANGESTORE", "{z}to", "z", 0, -1) + 3 * frame("SET", "k", value)
        seen = 0
        for tries in range(20):
            if tries >= 3 and seen > 0:
                break
            before = received(server)
            sending = threading.Thread(target=a.send, args=(stream,))
            sending.start()
            wait_for(lambda: received(server) >= before + 512 * 1024, "input behind it")
            # While it runs the answer is not there; then 512 KiB have been read, and one reading.
            shown = figures(b, "a")
            if shown["cmd"] == "zrangestore" and not select.select([a.socket], [], [], 0)[0]:
                check(int(shown["qbuf"]) <= 3 * MIB, f"qbuf={shown['qbuf']}")
                seen += 1
            equal([a.read() for _ in range(4)], [count] + 3 * ["OK"])
            sending.join()
            check(a.call("GET", "k") == value)
        check(seen > 0, "it has always been over before anybody looked")


def RoomForWhatComesIsKept():
    """A client that sends little at a time has its input moved once, not with each piece."""
    request = frame("SET", "k", pattern(7 * MIB, 6))
    sent = MIB + MIB // 4
    with Server() as server, server.client() as a, server.client() as b:
        a.call("CLIENT", "SETNAME", "a")
        for begin, end in ((0, MIB + 1), (MIB + 1, sent)):
            a.send(request[begin:end])
            wait_for(lambda end=end: int(figures(b, "a")["qbuf"]) == end, "it is read")
        check(int(figures(b, "a")["qbuf-free"]) >= len(request) - sent)
        a.send(request[sent:])
        equal(a.read(), "OK")


def ClientsThatGoWithLargeArguments():
    """CLIENT KILL, and a reset, while the lane has the request: what writes is done, once."""
    value = pattern(LARGE, 1)
    with Server("--io-threads", 2) as server, server.client() as b:
        for i in range(20):
            with server.client() as a:
                a.call("CLIENT", "SETNAME", "a")
                a.send(frame("RPUSH", "l", value) + frame("INCR", "n"))
                if i % 2:
                    b.call("CLIENT", "KILL", "ID", figures(b, "a")["id"])
                else:
                    a.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: a reset
        wait_for(lambda: figures(b, "a") is None, "they are gone")
        equal(b.call("PING"), "PONG")
        check(b.call("LLEN", "l") <= 20)
        equal(set(b.call("LRANGE", "l", 0, 0) or [value]), {value})


def WhatTheGoneLeftInTheLaneCounts():
    """A request whose client has gone waits for its turn in the lane, and counts as memory."""
    value = pattern(16 * MIB, 7)
    with Server("--io-threads", 1) as server, server.client() as a, server.client() as b:
        count = 40_000 if SANITIZED else 150_000
        for first in range(0, count, 10_000):
            members = range(first, first + 10_000)
            a.call("ZADD", "{t}z", *[word for i in members for word in (i, f"member:{i}")])
        before = int(server.info("memory")["used_memory"])
        a.send(frame("ZRANGESTORE", "{t}to", "{t}z", 0, -1))
        leaving = server.client()
        leaving.call("CLIENT", "SETNAME", "leaving")
        leaving.send(frame("SET", "{t}k", value))
        wait_for(lambda: figures(b, "leaving")["cmd"] == "set", "it has come")
        leaving.close()
        wait_for(lambda: figures(b, "leaving") is None, "it is gone")
        # In the lane, or run already, as the case may be.
        counted = int(server.info("memory")["used_memory"]) - before
        check(counted >= len(value), counted)
        equal(a.read(), count)
        wait_for(lambda: b.call("STRLEN", "{t}k") == len(value), "it is run all the same")
        b.call("DEL", "{t}k", "{t}to")
        wait_for(lambda: int(server.info("memory")["used_memory"]) < before + MIB, "it goes")


def MessagesOfLargeSize():
    """A message goes out in the bytes in which it came in, over both protocols."""
    with Server("--io-threads", 2, "--client-output-buffer-limit", "pubsub 0 0 0") as server:
        for size in (64 * 1024, LARGE):
            value = pattern(size, 4)
            readers = [server.client() for _ in range(3)]
            readers[0].call("SUBSCRIBE", "news")
            readers[1].call("PSUBSCRIBE", "ne*")
            readers[2].call("SSUBSCRIBE", "news")
            with server.client() as a:
                a.send(frame("PUBLISH", "news", value) + frame("SPUBLISH", "news", value) +
                       frame("MULTI") + frame("PUBLISH", "news", value) + frame("EXEC") +
                       # Written otherwise than it goes out.
                       frame("PUBLISH", "news", value)[:-2] + b"..")
                equal([a.read() for _ in range(6)], [2, 1, "OK", "QUEUED", [2], 2])
            for _ in range(3):
                check(readers[0].read() == [b"message", b"news", value], size)
                check(readers[1].read() == [b"pmessage", b"ne*", b"news", value], size)
            check(readers[2].read() == [b"smessage", b"news", value], size)
            for reader in readers:
                reader.close()


def add(suite):
    suite.case(OthersGoOnBesideHugeArguments)
    suite.case(TransactionsOfLargeArguments)
    suite.case(TransactionsThatRunNothing)
    suite.case(LimitsOfLargeArguments)
    suite.case(BehindWhatTheLaneRunsLittleIsRead)
    suite.case(RoomForWhatComesIsKept)
    suite.case(ClientsThatGoWithLargeArguments)
    suite.case(WhatTheGoneLeftInTheLaneCounts)
    suite.case(MessagesOfLargeSize)
