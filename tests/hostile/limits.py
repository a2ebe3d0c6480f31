# SPDX-License-Identifier: BSD-3-Clause
"""Clients at their limits, and over them: the limit holds to the byte, and costs only who meets it.
"""

import contextlib
import socket
import threading

from harness import Client, Server, ServerError, check, equal, frame, needs, needs_plain, wait_for

MIB = 1024 * 1024
FULL = b"-ERR max number of clients reached\r\n"


def other_address():
    """An address of this machine that is not loopback's, or None. Nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address
    return None


def fields_of(asker, client_id):
    line = asker.call("CLIENT", "LIST", "ID", client_id).decode()
    return dict(f.split("=", 1) for f in line.split()) if line.strip() else None


def echo_of(size):
    """An ECHO whose request has so many bytes."""
    empty = len(frame("ECHO", b"")) - 1
    for digits in range(1, 9):
        argument = size - empty - digits
        request = frame("ECHO", b"x" * argument)
        if len(request) == size:
            return request, argument
    raise AssertionError(size)


def add(suite):
    """All cases, each with a server of its own."""
    @suite.case
    def QueryBufferLimitIsExact():
        """However a request arrives: of the limit's length it runs, with a byte more it does not,
        whatever stands behind it."""
        with Server("--client-query-buffer-limit", "1mb") as server:
            for cut in (0, 1, 100, 16 * 1024, 65_536, 100_000, 900_000, MIB - 1):
                request, argument = echo_of(MIB)
                with server.client() as client:
                    client.send(request[:cut])
                    with server.client() as other:
                        other.call("PING")
                    client.send(request[cut:] + frame("PING") * 1000)
                    equal(len(client.read()), argument, f"cut at {cut}")
                    equal([client.read() for _ in range(1000)], ["PONG"] * 1000)
                request, _ = echo_of(MIB + 1)
                with server.client() as client:
                    client.send(request[:cut])
                    with contextlib.suppress(ConnectionError):
                        client.send(request[cut:])
                    equal(client.rest(), b"", f"a byte more, cut at {cut}")

    @suite.case
    def ProtectedModeIsForOtherMachines():
        """Who comes by another address than loopback is one of them."""
        here = other_address()
        needs(here, "an address beside loopback")
        with Server("--unixsocket", "cairn.sock") as server:
            with Client((here, server.port)) as client:
                said = client.rest()
            check(said.startswith(b"-DENIED ") and said.endswith(b"\r\n"), said)
            equal(server.info("stats")["rejected_connections"], "1")
            with server.client() as client, Client(f"{server.folder}/cairn.sock") as unix:
                equal([client.call("PING"), unix.call("PING")], ["PONG"] * 2)
                equal(client.call("CONFIG", "SET", "protected-mode", "no"), "OK")
                with Client((here, server.port)) as other:
                    equal(other.call("PING"), "PONG")
                equal(client.call("CONFIG", "SET", "protected-mode", "yes", "requirepass", "x"),
                      "OK")
                with Client((here, server.port)) as other:
                    equal(other.call("PING"), ServerError("NOAUTH Authentication required."))

    @suite.table("Protected", {"no": ("no", False, False), "local": ("local", True, False),
                               "yes": ("yes", True, True)})
    def protected_actions(allowed, from_here, from_elsewhere):
        here = other_address()
        needs(here, "an address beside loopback")
        with Server("--enable-debug-command", allowed, "--enable-protected-configs", allowed,
                    "--protected-mode", "no", "--unixsocket", "cairn.sock") as server:
            for where, may in ((server.port, from_here), (f"{server.folder}/cairn.sock", from_here),
                               ((here, server.port), from_elsewhere)):
                with Client(where) as client:
                    debug = client.call("DEBUG", "SLEEP", "0")
                    equal(debug == "OK", may, f"{where}: {debug}")
                    check(may or "DEBUG command not allowed." in debug, debug)
                    config = client.call("CONFIG", "SET", "dbfilename", "other.rdb")
                    equal(config == "OK", may, f"{where}: {config}")
                    check(may or "can't set protected config" in config, config)

    @suite.case
    def UnixSocketIsOneOfMaxclients():
        needs_plain("who is turned away is told")
        with Server("--maxclients", "2", "--unixsocket", "cairn.sock") as server:
            path = f"{server.folder}/cairn.sock"
            with server.client() as first:
                server.wait_alone(first)
                with Client(path) as second:
                    equal(second.call("PING"), "PONG")
                    for where in path, server.port:
                        with Client(where) as third:
                            equal(third.rest(), FULL)

    @suite.table("ClientsMemory", {"bytes": ("4mb", "0"), "percent": ("4%", "100mb")})
    def clients_memory(limit, maxmemory):
        with Server("--maxmemory-clients", limit, "--maxmemory", maxmemory) as server:
            with server.client() as asker, server.client() as small, server.client() as guarded:
                equal(guarded.call("CLIENT", "NO-EVICT", "on"), "OK")
                equal(asker.call("SET", "big", b"x" * 100_000), "OK")
                with server.client(receive_bytes=4096) as greedy:
                    greedy.send(frame("GET", "big") * 300)
                    wait_for(lambda: server.info("stats")["evicted_clients"] == "1", "it to go")
                    wait_for(lambda: closed_by_server(greedy), "it to be gone")
                equal(small.call("PING"), "PONG", "smaller ones stay")
                # Who is not to go is counted nevertheless, as in Redis: the others make room.
                guarded.send(frame("GET", "big") * 300)
                wait_for(lambda: closed_by_server(small), "the others to make room")
                for _ in range(300):
                    equal(len(guarded.read()), 100_000)

    @suite.case
    def OnePipelineDoesNotStarveOthers():
        """One worker, one client with a million commands under way; what others are told by INCR's
        count says when they were served: between them, and not at the end."""
        count, looks = 1_000_000, 50
        with Server("--io-threads", "1") as server, server.client() as greedy:
            data = frame("INCR", "n") * count
            sender = threading.Thread(target=lambda: greedy.send(data))
            drain = threading.Thread(target=read_all, args=(greedy, count))
            seen = []
            with server.client() as other:
                sender.start()
                drain.start()
                wait_for(lambda: other.call("GET", "n"), "it to begin")
                for _ in range(looks):
                    seen.append(int(other.call("GET", "n")))
            sender.join()
            drain.join()
            equal(seen, sorted(seen))
            check(seen[-1] < count, f"{looks} answers took a million commands: {seen[-1]}")
            # A pass runs at most 256 of its requests; one answer takes a few passes.
            steps = [b - a for a, b in zip(seen, seen[1:])]
            check(sorted(steps)[looks // 2] < 256 * 64, f"commands between two answers: {steps}")

    @suite.case
    def IdleClientHoldsNoBuffer():
        with Server() as server, server.client() as idle, server.client() as asker:
            number = idle.call("CLIENT", "ID")
            check(int(fields_of(asker, number)["rbs"]) > 0, "no buffer at all")
            wait_for(lambda: fields_of(asker, number)["rbs"] == "0", "it to be given back")
            equal(idle.call("ECHO", "still here"), b"still here")

    @suite.case
    def KillOfTheOld():
        with Server() as server, server.client() as old, server.client() as asker:
            number = old.call("CLIENT", "ID")
            wait_for(lambda: int(fields_of(asker, number)["age"]) >= 2, "it to be two seconds old")
            with server.client() as young:
                equal(young.call("PING"), "PONG")
                equal(asker.call("CLIENT", "KILL", "MAXAGE", 2, "ID", number + 1), 0, "both must")
                equal(asker.call("CLIENT", "KILL", "MAXAGE", 2, "SKIPME", "yes"), 1)
                equal(old.rest(), b"")
                equal(young.call("PING"), "PONG")

    @suite.case
    def FloodOfConnectionsOnASmallServer():
        """Many more than there is room for, again and again: those who are in are served."""
        needs_plain("who is turned away is told")
        with Server("--maxclients", "20") as server, server.client() as member:
            equal(member.call("PING"), "PONG")
            before = server.rss()
            done = threading.Event()
            def knock():
                while not done.is_set():
                    with contextlib.suppress(OSError), server.client() as client:
                        client.send(b"PING\r\n")
            threads = [threading.Thread(target=knock) for _ in range(8)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(2000):
                    equal(member.call("PING"), "PONG")
                guests = []
                def turned_away():
                    guests.append(server.client())
                    return len(guests) > 20
                wait_for(turned_away, "a full house")
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            for guest in guests:
                guest.close()
            equal(member.call("PING"), "PONG")
            server.check_growth(before, 16 * MIB)

    @suite.case
    def ManyTricklingClients():
        """Each sends a byte now and then; half of them never end. Who sends whole requests is
        served in between, and no trickle costs more than its bytes."""
        with Server("--io-threads", "1") as server, server.client() as member:
            before = server.rss()
            request = frame("SET", "k", "v" * 50)
            clients = [server.client() for _ in range(300)]
            for i in range(len(request)):
                for number, client in enumerate(clients):
                    if number % 2 or i < len(request) // 2:
                        client.send(request[i:i + 1])
                equal(member.call("PING"), "PONG")
            for number, client in enumerate(clients):
                if number % 2:
                    equal(client.read(), "OK")
            server.check_growth(before, 16 * MIB)
            for client in clients:
                client.close()
            wait_for(lambda: member.call("CLIENT", "LIST").count(b"\n") == 1, "all to be gone")


def closed_by_server(client):
    """Whatever it has sent before."""
    try:
        while client.socket.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return True


def read_all(client, count):
    """The answers of INCR: 1 to `count`, each with its line end."""
    left = total_bytes(count)
    while left > 0:
        part = client.socket.recv(1 << 20)
        check(part, "closed")
        left -= len(part)


def total_bytes(count):
    """Of the answers ":1\\r\\n" to ":count\\r\\n"."""
    digits, low, total = 1, 1, 0
    while low <= count:
        high = min(count, low * 10 - 1)
        total += (high - low + 1) * (digits + 3)
        digits, low = digits + 1, low * 10
    return total
