# SPDX-License-Identifier: BSD-3-Clause
"""Directories of append only files that other servers wrote, or are to read: cases of run."""

import pathlib
import subprocess

from harness import (BINARY, ORACLE, Server, ServerError, check, equal, folder, needs,
                     valkey_binary, wait_for, wait_info)
from samples import AOF, describe, fill, same
from values import VALUES, content

OTHERS = {"Redis": (ORACLE, "redis-check-aof"), "Valkey": (valkey_binary(), None)}


def fill_all(client, prefix=""):
    """What commands of all kinds leave, and a value of every type and encoding."""
    fill(client, with_field_times=False, prefix=prefix)
    for name, commands in VALUES.items():
        for command in commands:
            reply = client.call(*command)
            check(not isinstance(reply, ServerError), f"{command[:4]}: {reply}")
        equal(client.call("RENAME", "k", prefix + name), "OK")


def describe_all(client):
    """Each key's type, time and content, the last as far as commands tell of it."""
    found = describe(client)
    for db, key in found:
        client.call("SELECT", db)
        found[db, key] += (content(client, key),)
    client.call("SELECT", 0)
    return found


def load_and_describe(path, options, binary):
    with Server(*options, binary=binary, folder=path) as server, server.client() as client:
        wait_for(lambda: client.call("PING") == "PONG", "the load")
        return describe_all(client)


EXCHANGES = {way + other + form: (way, other, preamble)
             for way in ("From", "To") for other in OTHERS
             for form, preamble in (("", "yes"), ("Commands", "no"))}


def directories_are_exchanged(way, other, preamble):
    """What others write they do not always find again themselves (7.0 loses how much of a stream a
    group has read, and as commands what is pending of entries that were deleted): from them, what
    they find is what we must find, and to them, what we had."""
    binary, checker = OTHERS[other]
    needs(binary, f"{other.lower()}-server")
    writer, reader = (BINARY, binary) if way == "To" else (binary, BINARY)
    options = (*AOF, "--aof-use-rdb-preamble", preamble)
    with folder() as path:
        with Server(*options, binary=writer, folder=path) as server, server.client() as client:
            fill_all(client)
            client.call("BGREWRITEAOF")
            wait_info(server, "aof_rewrite_in_progress", "0")
            fill_all(client, prefix="later:")
            wanted = describe_all(client)
        if way == "From":
            wanted = load_and_describe(path, options, writer)
        if way == "To" and checker:
            checked = subprocess.run(
                [checker, f"{path}/appendonlydir/appendonly.aof.manifest"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            check(b"All AOF files and manifest are valid" in checked.stdout, checked.stdout)
        same(load_and_describe(path, options, reader), wanted)


RENAMED = {
    f"{name}{form}": (binary, preamble, rewrites)
    for name, binary in (("Own", BINARY), ("Redis", ORACLE))
    for form, preamble, rewrites in (("", "yes", False), ("Rewritten", "yes", True),
                                     ("Commands", "no", True))}


def renamed_commands_are_loaded(binary, preamble, rewrites):
    """Redis does not load its own, where they are rewritten as commands."""
    needs(binary, "redis-server")
    with folder() as path:
        config = pathlib.Path(path, "conf")
        config.write_text('rename-command SET OTHER\nrename-command DEL ""\n')
        options = (*AOF, "--aof-use-rdb-preamble", preamble)
        with Server(*options, binary=binary, words=(config,), folder=path) as server, \
                server.client() as client:
            equal(client.call("OTHER", "k", "1"), "OK")
            equal(client.call("INCRBYFLOAT", "k", "1.5"), b"2.5")
            if rewrites:
                client.call("BGREWRITEAOF")
                wait_info(server, "aof_rewrite_in_progress", "0")
            equal(client.call("OTHER", "later", "1"), "OK")
            equal(client.call("OTHER", "gone", "1", "PX", 1), "OK")
            wait_for(lambda: client.call("GET", "gone") is None, "its end")
        with Server(*options, words=(config,), folder=path) as server, server.client() as client:
            equal(client.call("MGET", "k", "later", "gone"), [b"2.5", b"1", None])


LIBRARY = "#!lua name=%s\nredis.register_function('%s', function() return '%s' end)"


WITH_FUNCTIONS = {
    "FromCommands": ("no", False), "FromCommandsRewritten": ("no", True),
    "FromARewriteWithPreamble": ("yes", True), "FromCommandsBehindAPreamble": ("yes", False)}


def functions_come_back(preamble, rewrites):
    """An AOF that had some has them again."""
    needs(ORACLE, "redis-server")
    options = (*AOF, "--aof-use-rdb-preamble", preamble)
    with folder() as path:
        with Server(*options, binary=ORACLE, folder=path) as server, server.client() as client:
            for name in "one", "two", "three", "four":
                client.call("FUNCTION", "LOAD", LIBRARY % (name, name, "first"))
            if rewrites:
                client.call("BGREWRITEAOF")
                wait_info(server, "aof_rewrite_in_progress", "0")
            client.call("FUNCTION", "LOAD", "REPLACE", LIBRARY % ("one", "one", "second"))
            client.call("FUNCTION", "DELETE", "two")
            dump = client.call("FUNCTION", "DUMP")
            client.call("FUNCTION", "LOAD", LIBRARY % ("five", "five", "gone"))
            equal(client.call("FUNCTION", "RESTORE", dump, "FLUSH"), "OK")
            client.call("SET", "k", "v")
            wanted = sorted(map(str, client.call("FUNCTION", "LIST", "WITHCODE")))
            equal(len(wanted), 3)
        with Server(*options, folder=path) as server, server.client() as client:
            equal(client.call("GET", "k"), b"v")
            check("3 libraries of functions loaded" in server.log(), server.log())
            if rewrites:
                client.call("BGREWRITEAOF")
                wait_info(server, "aof_rewrite_in_progress", "0")
                wait_info(server, "aof_rewrites", "1")
        with Server(*options, binary=ORACLE, folder=path) as server, server.client() as client:
            equal(sorted(map(str, client.call("FUNCTION", "LIST", "WITHCODE"))), wanted)
            equal(client.call("GET", "k"), b"v")
