# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces and files: what was declared and cleared is so after a restart."""

from harness import SECONDS_MAX, Server, check, equal, folder, wait_info

ROWS = {
    "Rdb": (("--save", "3600 1"),),
    "Aof": (("--appendonly", "yes", "--appendfsync", "always"),),
    "RewrittenAof": (("--appendonly", "yes", "--appendfsync", "always"), "BGREWRITEAOF"),
    "AofOfCommands": (("--appendonly", "yes", "--appendfsync", "always",
                       "--aof-use-rdb-preamble", "no"), "BGREWRITEAOF"),
}


def information(client, prefix):
    flat = client.call("NAMESPACE.INFO", prefix)
    return dict(zip((name.decode() for name in flat[::2]), flat[1::2]))


def namespaces_survive_a_restart(options, rewrite=None):
    configured = ("--cairn-namespaces", "conf: TTL 900000; gone: MAXLEASES 5")
    with folder() as path:
        with Server(*options, *configured, folder=path) as server, server.client() as client:
            client.call("SET", "a:before", "1")
            equal(client.call("NAMESPACE.SET", "a:", "TTL", 500000, "JITTER", 50), "OK")
            equal(client.call("NAMESPACE.SET", "b\x00 :", "MAXLEASES", 3), "OK")
            equal(client.call("NAMESPACE.SET", "c:"), "OK")
            equal(client.call("NAMESPACE.DEL", "c:"), 1)
            for key in ("a:1", "gone:1", "conf:1"):
                client.call("SET", key, "cleared")
            for prefix in ("a:", "gone:", "conf:"):
                equal(client.call("NAMESPACE.CLEAR", prefix), "OK")
            client.call("MSET", *(word for n in range(50) for word in (f"a:m{n}", n)))
            client.call("SET", "a:2", "kept")
            client.call("SET", "conf:2", "kept")
            client.call("SET", "gone:2", "kept")
            if rewrite:
                client.call(rewrite)
                wait_info(server, "aof_rewrite_in_progress", "0")
                client.call("NAMESPACE.SET", "late:", "TTL", 7)
            keys = sorted(client.call("KEYS", "*"))
            times = [client.call("PEXPIRETIME", key) for key in keys]
            equal(len(keys), 53)
            server.process.terminate()
            equal(server.process.wait(timeout=SECONDS_MAX), 0, "exit status")
        with Server(*options, *configured[:1], "conf: TTL 800000", folder=path) as server, \
                server.client() as client:
            equal(client.call("NAMESPACE.LIST"),
                  [b"a:", b"b\x00 :", b"conf:"] + ([b"late:"] if rewrite else []))
            equal(sorted(client.call("KEYS", "*")), keys)
            equal([client.call("PEXPIRETIME", key) for key in keys], times)
            equal(information(client, "a:")["jitter"], 50)
            equal(information(client, "a:")["keys"], 51)
            equal(information(client, "conf:")["ttl"], 800000)
            equal(client.call("NAMESPACE.CLEAR", "a:"), "OK")
            equal(client.call("EXISTS", "a:2", "a:m1"), 0)
            equal(client.call("EXISTS", "conf:2", "gone:2"), 2)


# What a command has said of a configured one counts until it is taken back, across restarts; and
# what cannot be remembered is refused.
def a_configured_namespace_is_the_configurations(options, rewrite=None):
    configured = ("--cairn-namespaces", "conf: TTL 900000; kept: TTL 800000")

    def restart(client, server):
        if rewrite:
            client.call(rewrite)
            wait_info(server, "aof_rewrite_in_progress", "0")
        server.process.terminate()
        equal(server.process.wait(timeout=SECONDS_MAX), 0, "exit status")

    def refused(client, prefix):
        reply = client.call("NAMESPACE.DEL", prefix)
        check("stands in the configuration" in str(reply), str(reply))

    with folder() as path:
        with Server(*options, *configured, folder=path) as server, server.client() as client:
            refused(client, "conf:")
            equal(client.call("NAMESPACE.SET", "conf:", "TTL", 5), "OK")
            equal(client.call("NAMESPACE.SET", "kept:", "TTL", 6), "OK")
            restart(client, server)
        with Server(*options, *configured, folder=path) as server, server.client() as client:
            equal(information(client, "conf:")["ttl"], 5)
            equal(client.call("NAMESPACE.DEL", "conf:"), 1)
            equal(information(client, "conf:")["ttl"], 900000)
            refused(client, "conf:")
            client.call("SET", "conf:1", "v")
            restart(client, server)
        with Server(*options, *configured, folder=path) as server, server.client() as client:
            equal(information(client, "conf:")["ttl"], 900000)
            equal(information(client, "kept:")["ttl"], 6)
            restart(client, server)
        # The configuration names them no more: what a command has said is left.
        with Server(*options, folder=path) as server, server.client() as client:
            equal(client.call("NAMESPACE.LIST"), [b"kept:"])
            equal(client.call("NAMESPACE.DEL", "kept:"), 1)
            equal(client.call("NAMESPACE.LIST"), [])
            restart(client, server)
        # And again it does: a log may say what the configuration now forbids.
        with Server(*options, *configured, folder=path) as server, server.client() as client:
            equal(client.call("NAMESPACE.LIST"), [b"conf:", b"kept:"])
            equal(information(client, "kept:")["ttl"], 800000)


def a_bad_namespace_ends_the_start():
    with folder() as path, Server("--cairn-namespaces", "a: TTL x", folder=path,
                                  wait=False) as server:
        check(server.process.wait(timeout=SECONDS_MAX) != 0, "exit status")
        check("TTL must be an integer" in server.log(), "the log says why")


def add_cases(suite):
    suite.table("NamespacesSurvive", ROWS)(namespaces_survive_a_restart)
    suite.table("NamespacesOfTheConfiguration", ROWS)(a_configured_namespace_is_the_configurations)
    suite.case(a_bad_namespace_ends_the_start)
