# SPDX-License-Identifier: BSD-3-Clause
"""Scripts that mean harm: bombs, endless ones, and attempts to leave the sandbox or to leave
something in it for the next script. Each ends in an error or is killed, memory stays bounded, and
others are served meanwhile.
"""

import base64
import random
import re
import threading

from harness import SECONDS_MAX, Server, ServerError, check, equal, frame, wait_for

MIB = 1024 * 1024
BUSY_MS = 50
SCRIPT_SECONDS_MAX = 10 * SECONDS_MAX  # half a gigabyte, piece by piece, on a busy machine
# A script may take so much (scripting/interpreter.h) and the server a little for its sake.
GROWTH_MAX = 600 * MIB

# Each takes memory or stack as fast as it can.
BOMBS = {
    "StringDoubled": "local s = 'x' while true do s = s .. s end",
    "StringRepeated": "return string.rep('x', 2^31)",
    "StringsKept": "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1000) .. i end",
    "Table": "local t = {} for i = 1, 1e10 do t[i] = i end",
    "TablesInTables": "local t = {} while true do t = {t, {}, {}} end",
    "Closures": "local t = {} while true do t[#t + 1] = function() return t end end",
    "Coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
    "Recursion": "local function f(n) return 1 + f(n + 1) end return f(1)",
    "RecursionInCoroutines":
        "local function f() return coroutine.wrap(f)() end return f()",
    "Concatenated": "local t = {} for i = 1, 1e6 do t[i] = string.rep('x', 1e4) end "
                    "return table.concat(t)",
    "Formatted": "local t = {} for i = 1, 1e9 do t[i] = string.format('%99.99f', i) end",
    "Substituted": "return string.gsub(string.rep('a', 1e6), '.', string.rep('%0', 1e4))",
    "Unpacked": "return {unpack({}, 1, 1e8)}",
    "CharsOfMany": "return string.char(unpack({}, 1, 1e7))",
    "JsonDeep": "return cjson.decode(string.rep('[', 1e6) .. string.rep(']', 1e6))",
    "JsonOfItself": "local t = {} t.t = t return cjson.encode(t)",
    "JsonLarge": "local s = '\"' .. string.rep('x', 1e7) .. '\"' local t = {} "
                 "while true do t[#t + 1] = cjson.decode(s) .. #t end",
    "PackOfLarge": "local s = string.rep('x', 1e8) return cmsgpack.pack(s, s, s, s, s, s, s)",
    "UnpackedCounts": "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
    "UnpackedMapCounts": "return cmsgpack.unpack('\\223\\255\\255\\255\\255')",
    "UnpackedDeep": "return cmsgpack.unpack(string.rep('\\145', 1e6))",
    "StructLarge": "return struct.pack('c0', string.rep('x', 2^30), 1)",
    "StructAlignment": "return struct.pack('!64 i40 l', 1, 2)",
    "LoadedText": "return loadstring('return ' .. string.rep('(', 1e5) .. '1')()",
    "LoadedConstants": "return loadstring('return {' .. string.rep('{},', 1e7) .. '}')()",
    "ErrorsInErrors": "local function f() error(f) end return xpcall(f, f)()",
    "ArgumentsOfCall": "local t = {'MSET'} for i = 2, 1e7 do t[i] = 'k' end "
                       "return redis.call(unpack(t))",
    "RepliesKept": "redis.call('SET', KEYS[1], string.rep('x', 1e6)) local t = {} "
                   "while true do t[#t + 1] = redis.call('GET', KEYS[1]) .. #t end",
}

# Each runs until it is killed.
ENDLESS = {
    "Loop": "while true do end",
    "LoopInPcall": "while true do pcall(function() while true do end end) end",
    "LoopInXpcall": "xpcall(function() while true do end end, function() while true do end end) "
                    "while true do end",
    "LoopInCoroutine": "coroutine.wrap(function() while true do end end)()",
    "LoopOfCoroutines": "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "Metamethods": "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
                   "while true do pcall(function() return t[1] end) end",
    "Comparator": "local t = {} for i = 1, 1000 do t[i] = i end while true do "
                  "pcall(table.sort, t, function(a, b) while true do end end) end",
    "Substitution": "string.gsub('x', '.', function() while true do end end)",
    "Gotos": "local function f() return f() end f()",
    "Calls": "while true do redis.call('GET', KEYS[1]) end",
    "FailingCalls": "while true do pcall(redis.call, 'NOPE') end",
    "Reversed": "local x = string.rep('a', 1e7) while true do x:reverse() end",
    "Upper": "local x = string.rep('a', 1e7) while true do x:upper() end",
    "Appended": "local x = string.rep('a', 1e7) while true do local y = x .. 'b' end",
    "Cut": "local x = string.rep('a', 1e7) while true do local y = x:sub(2) end",
    "LongFormat": "local x = string.rep('a', 1e7) while true do string.format('%q', x) end",
    "LongCalls": "local x = string.rep('a', 1e7) while true do "
                 "redis.call('ECHO', x) redis.call('KEYS', '*') end",
    "LongPattern": "while true do pcall(string.find, string.rep('a', 1e5), "
                   "string.rep('a*', 20) .. 'b') end",
    "LongSort": "local t = {} while true do for i = 1, 1e5 do t[i] = math.random() end "
                "table.sort(t) end",
    "LongConcat": "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t) end",
    "LongJson": "local t = {} for i = 1, 1e5 do t[i] = i end "
                "while true do cjson.decode(cjson.encode(t)) end",
}

# Each returns what has no end, or none within reach.
DEEP = {
    "Nested": "local t = {} for i = 1, 1e6 do t = {t} end return t",
    "OfItself": "local t = {} t[1] = t return t",
}

BYTECODE = base64.b64decode(
    "G0xKAgovAgAEAAIABicAAAA2AQEAKQMCAEIBAgImAAEATAACAA10b3N0cmluZwtwd25lZDoA")

# Each must not return 1.
ESCAPES = {
    "Files": "return io and 1 or os.execute and 1 or os.remove and 1 or require and 1",
    "Loaders": "return dofile and 1 or loadfile and 1 or module and 1 or package and 1",
    "Debug": "return debug and 1 or getfenv and 1 or newproxy and 1",
    "Jit": "return jit and 1 or ffi and 1 or pcall(require, 'ffi') and 1",
    "Bytecode": "return loadstring('\\27LJ\\2\\0') and 1",
    "BytecodeOfPuc": "return loadstring('\\27Lua\\81\\0\\1\\4\\8\\4\\8\\0') and 1",
    "BytecodeByPieces": "local first = true return load(function() if first then first = false "
                        "return '\\27LJ\\2' end end) and 1",
    "Dumped": "local f = string.dump and loadstring(string.dump(function() return 1 end)) "
              "return f and f()",
    "NewGlobal": "x = 1 return x",
    "RawGlobal": "rawset(_G, 'x', 1) return 1",
    "MetatableOfGlobals": "setmetatable(_G, {}) return 1",
    "OwnMetatableOfGlobals": "getmetatable(_G).__newindex = nil y = 1 return 1",
    "StringsMetatable": "getmetatable('').__index = function() return 1 end return 1",
    "StringsMetatableItself": "getmetatable('').__add = function() return 1 end return 'a' + 'b'",
    "LibraryFunction": "string.lower = function() return 1 end return 1",
    "RedisFunction": "redis.call = function() return 1 end return 1",
    "RawLibrary": "rawset(string, 'lower', function() return 1 end) return 1",
    "JsonFunction": "cjson.encode = function() return 1 end return 1",
    "RemovedFromLibrary": "table.remove(math) math.random = nil return 1",
    "SetMetatableOfLibrary": "setmetatable(math, {__index = function() return 1 end}) return 1",
    "Environment": "setfenv(1, {}) return 1",
    "EnvironmentOfLoaded": "setfenv(loadstring('x = 1'), _G)() return 1",
}


class Script(threading.Thread):
    """Runs one on a connection of its own."""

    def __init__(self, server, body):
        super().__init__()
        self.server, self.body, self.said = server, body, None
        self.start()

    def run(self):
        with self.server.client(seconds=SCRIPT_SECONDS_MAX) as client:
            try:
                self.said = client.call("EVAL", self.body, 1, "key")
            except ConnectionError as error:  # the server has ended
                self.said = error


def kill(server, script):
    """Asks until there is a script that can be killed, and it has ended."""
    with server.client() as client:
        def killed():
            said = client.call("SCRIPT", "KILL")
            check(said == "OK" or str(said).startswith("NOTBUSY"), said)
            return not script.is_alive()
        wait_for(killed, "the script to end")
    script.join()


OPTIONS = ("--io-threads", "1", "--busy-reply-threshold", BUSY_MS)


def add(suite, server_of):
    """All cases; those of a table share a server."""
    def server():
        return server_of("ours scripts")

    @suite.table("ScriptBomb", {name: (body,) for name, body in BOMBS.items()})
    def bomb(body):
        before = server().rss()
        script = Script(server(), body)
        with server().client() as client:
            while script.is_alive():
                said = client.call("GET", "other")
                check(said is None or str(said).startswith("BUSY"), said)
                if said is not None:
                    client.call("SCRIPT", "KILL")
        check(isinstance(script.said, ServerError), str(script.said)[:200])
        server().check_growth(before, GROWTH_MAX)
        with server().client() as client:
            equal(client.call("EVAL", "return #string.rep('x', 1e6)", 0), 1_000_000)

    @suite.table("ScriptEndless", {name: (body,) for name, body in ENDLESS.items()})
    def endless(body):
        script = Script(server(), body)
        with server().client() as client:
            wait_for(lambda: str(client.call("GET", "key")).startswith("BUSY"), "BUSY")
            check(str(client.call("SET", "key", "x")).startswith("BUSY"))
        kill(server(), script)
        check("Script killed by user with SCRIPT KILL" in str(script.said), str(script.said))
        with server().client() as client:
            equal(client.call("EVAL", "return 1 + 1", 0), 2)

    @suite.table("ScriptEscape", {name: (body,) for name, body in ESCAPES.items()})
    def escape(body):
        with server().client() as client:
            said = client.call("EVAL", body, 0)
            check(said != 1, "it went through")
            # Nothing of it is there for the next one.
            equal(client.call("EVAL", "return {tostring(string.lower('A')), cjson.encode({1}), "
                              "type(redis.call), #('abc'), type(math.random), "
                              "tostring(rawget(_G, 'x'))}", 0),
                  [b"a", b"[1]", b"function", 3, b"function", b"nil"])

    @suite.table("ScriptReply", {name: (body,) for name, body in DEEP.items()})
    def reply(body):
        with server().client() as client:
            client.send(frame("EVAL", body, 0))
            said = b""
            while not said.endswith(b"\n") or said.endswith(b"*1\r\n"):
                said += client.file.read1(1 << 16)
            check(said.endswith(b"-ERR reached lua stack limit\r\n"), said[-100:])
            check(len(said) < MIB, len(said))
            equal(client.call("PING"), "PONG")

    @suite.case
    def ScriptThatHasWrittenIsNotKilled():
        with Server("--busy-reply-threshold", BUSY_MS) as own, own.client() as client:
            script = Script(own, "redis.call('SET', KEYS[1], 1) while true do end")
            wait_for(lambda: str(client.call("GET", "key")).startswith("BUSY"), "BUSY")
            check(str(client.call("SCRIPT", "KILL")).startswith("UNKILLABLE"))
            check(str(client.call("SHUTDOWN")).startswith("BUSY"))
            client.send(b"SHUTDOWN NOSAVE\r\n")
            wait_for(lambda: not own.is_alive(), "the end")
            script.join()

    @suite.table("ScriptOfBytecode", {"plain": (b"",), "behind a mark": (b"\xef\xbb\xbf",)})
    def bytecode(mark):
        """Well formed, of LuaJIT 2.1: a function that returns "pwned:2"."""
        with server().client() as client:
            for command in "EVAL", "SCRIPT":
                words = (mark + BYTECODE, "0") if command == "EVAL" else ("LOAD", mark + BYTECODE)
                said = client.call(command, *words)
                check(str(said).startswith("ERR Error compiling script"), said)
            said = client.call("EVAL", "return {loadstring(ARGV[1])}", 0, mark + BYTECODE)
            check(not said, said)

    @suite.case
    def AFunctionThatTakesAllMemory():
        with Server() as own, own.client() as client:
            client.call("FUNCTION", "LOAD", "#!lua name=one\nlocal t = {}\n"
                        "redis.register_function('grow', function() while true do "
                        "t[#t + 1] = string.rep('x', 100000) .. #t end end)\n"
                        "redis.register_function('hi', function() return 'hi' end)")
            for _ in range(2):
                check(isinstance(client.call("FCALL", "grow", 0), ServerError))
                equal(client.call("FCALL", "hi", 0), b"hi")

    @suite.case
    def FunctionsOfDamagedPayloads():
        chance = random.Random(5)
        with server().client() as client:
            equal(client.call("FUNCTION", "LOAD", "#!lua name=one\nredis.register_function("
                              "'f', function(keys, args) return args[1] end)"), b"one")
            good = client.call("FUNCTION", "DUMP")
            for _ in range(2000):
                bad = bytearray(good)
                for _ in range(chance.randint(1, 4)):
                    what = chance.random()
                    at = chance.randrange(len(bad)) if bad else 0
                    if what < 0.5 and bad:
                        bad[at] ^= 1 << chance.randrange(8)
                    elif what < 0.75:
                        bad[at:at] = bytes([chance.randrange(256)] * chance.randint(1, 8))
                    else:
                        del bad[at:at + chance.randint(1, 8)]
                if bytes(bad) == good:
                    continue
                said = client.call("FUNCTION", "RESTORE", bytes(bad), "REPLACE")
                check(isinstance(said, ServerError), f"{bytes(bad)!r}: {said}")
            equal(client.call("FCALL", "f", 0, "still"), b"still")
            equal(client.call("FUNCTION", "RESTORE", good, "FLUSH"), "OK")
            equal(client.call("FCALL", "f", 0, "again"), b"again")

    @suite.case
    def ScriptsServerLivesOn():
        check(server().is_alive())
        equal(server().terminate(), 0, "exit status")
        check(not re.search("BUG REPORT|Sanitizer", server().log()), server().log()[-3000:])
