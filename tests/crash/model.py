# SPDX-License-Identifier: BSD-3-Clause
"""What one connection's keys must hold: a small store in Python, and operations to feed it with.

An operation is a list of commands; more than one are sent as MULTI. Operations are drawn so that
their outcome follows from the model alone (SPOP takes the only member, XADD names its id), since
nobody knows the reply of one that was under way when the server died.
"""

import copy

FAR_MS = 4_000_000_000_000  # a time that no test run lives to see
KEYS = 3  # of each type


class Model:
    """Keys by name: (type, value, expiry or None)."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.keys = {}
        self.counter = 0  # makes values and stream ids that were not there before

    def clone(self):
        return copy.deepcopy(self)

    def value(self, key, kind, empty):
        return self.keys.setdefault(key, [kind, empty, None])[1]

    def drop_if_empty(self, key):
        entry = self.keys.get(key)
        if entry and entry[0] not in ("string", "stream") and not entry[1]:
            del self.keys[key]

    def apply(self, operation):
        for name, key, *words in operation:
            getattr(self, "do_" + name.lower().replace(" ", "_"))(key, *words)
            self.drop_if_empty(key)

    # Of any type.
    def do_del(self, key):
        self.keys.pop(key, None)

    def do_pexpireat(self, key, at):
        if key in self.keys:
            self.keys[key][2] = int(at)

    def do_persist(self, key):
        if key in self.keys:
            self.keys[key][2] = None

    # Strings.
    def do_set(self, key, text):
        self.keys[key] = ["string", text, None]

    def do_append(self, key, text):
        entry = self.keys.setdefault(key, ["string", "", None])
        entry[1] += text

    def do_incrby(self, key, by):
        entry = self.keys.setdefault(key, ["string", "0", None])
        entry[1] = str(int(entry[1]) + int(by))

    # Lists.
    def do_rpush(self, key, *texts):
        self.value(key, "list", []).extend(texts)

    def do_lpush(self, key, *texts):
        for text in texts:
            self.value(key, "list", []).insert(0, text)

    def do_lpop(self, key):
        if key in self.keys:
            self.keys[key][1].pop(0)

    def do_ltrim(self, key, start, stop):
        if key in self.keys:
            self.keys[key][1] = self.keys[key][1][int(start):int(stop) + 1]

    def do_rpoplpush(self, key, to):
        if key in self.keys:
            self.do_lpush(to, self.keys[key][1].pop())

    # Hashes: field to [value, expiry or None].
    def do_hset(self, key, field, text):
        self.value(key, "hash", {})[field] = [text, None]

    def do_hdel(self, key, field):
        self.value(key, "hash", {}).pop(field, None)

    def do_hincrby(self, key, field, by):
        fields = self.value(key, "hash", {})
        old = fields.setdefault(field, ["0", None])
        old[0] = str(int(old[0]) + int(by))

    def do_hpexpireat(self, key, at, _word, _count, field):
        if key in self.keys and field in self.keys[key][1]:
            self.keys[key][1][field][1] = int(at)

    def do_hpersist(self, key, _word, _count, field):
        if key in self.keys and field in self.keys[key][1]:
            self.keys[key][1][field][1] = None

    # Sets.
    def do_sadd(self, key, *members):
        self.value(key, "set", set()).update(members)

    def do_srem(self, key, member):
        self.value(key, "set", set()).discard(member)

    def do_spop(self, key):
        self.keys.pop(key, None)

    # Sorted sets.
    def do_zadd(self, key, score, member):
        self.value(key, "zset", {})[member] = float(score)

    def do_zincrby(self, key, by, member):
        members = self.value(key, "zset", {})
        members[member] = members.get(member, 0.0) + float(by)

    def do_zrem(self, key, member):
        self.value(key, "zset", {}).pop(member, None)

    def do_zpopmin(self, key):
        members = self.value(key, "zset", {})
        if members:
            del members[min(members, key=lambda m: (members[m], m))]

    # Streams: entries, and of the one group how far it has read and what it has pending.
    def stream(self, key):
        return self.value(key, "stream", {"entries": [], "read": None, "pending": []})

    def do_xadd(self, key, *words):
        self.stream(key)["entries"].append(words)

    def do_xdel(self, key, name):
        stream = self.stream(key)
        stream["entries"] = [e for e in stream["entries"] if e[0] != name]

    def do_xgroup_create(self, key, _group, _start, _make):
        if self.stream(key)["read"] is None:
            self.stream(key)["read"] = 0

    def do_xreadgroup(self, key, *_words):
        stream = self.stream(key)
        new = [e[0] for e in stream["entries"] if int(e[0][:-2]) > stream["read"]]
        stream["pending"] += new
        stream["read"] = max([stream["read"]] + [int(n[:-2]) for n in new])

    def do_xack(self, key, _group, name):
        stream = self.stream(key)
        stream["pending"] = [n for n in stream["pending"] if n != name]


def wire(command):
    """The words that are sent: the key stands where the command wants it."""
    name, key, *words = command
    if name == "XREADGROUP":
        return ["XREADGROUP", "GROUP", "g", "c", "STREAMS", key, ">"]
    if name == "SPOP":
        return ["SPOP", key, "1"]
    return [*name.split(" "), key, *words]


class Drawer:
    """Draws the next command for a model."""

    def __init__(self, random):
        self.random = random

    def text(self, model):
        model.counter += 1
        size = self.random.choice([0, 3, 10, 10, 40, 200, 3000])
        return f"{model.counter}:" + "x" * size

    def operation(self, model):
        """Also applies it."""
        commands = []
        for _ in range(self.random.choice([1, 1, 1, 2, 4])):
            command = self.command(model)
            model.apply([command])
            commands.append(command)
        return commands

    def command(self, model):
        kind = self.random.choice(["string", "list", "hash", "set", "zset", "stream", "any"])
        key = f"{model.prefix}:{kind}:{self.random.randrange(KEYS)}"
        return getattr(self, "draw_" + kind)(model, key)

    def draw_any(self, model, _key):
        keys = sorted(key for key in model.keys if not key.endswith(":last"))
        if not keys:
            return ("SET", f"{model.prefix}:string:0", "1")
        key = self.random.choice(keys)
        return self.random.choice([("PEXPIREAT", key, str(FAR_MS + self.random.randrange(99))),
                                   ("PERSIST", key), ("DEL", key)])

    def draw_string(self, model, key):
        entry = model.keys.get(key)
        choices = [("SET", key, self.text(model)), ("SET", key, str(self.random.randrange(1000)))]
        if entry is None or entry[1].isdigit():
            choices.append(("INCRBY", key, str(self.random.randrange(1, 99))))
        if entry is not None and len(entry[1]) < 20_000:
            choices.append(("APPEND", key, self.text(model)))
        return self.random.choice(choices)

    def draw_list(self, model, key):
        other = f"{model.prefix}:list:{self.random.randrange(KEYS)}"
        if len(model.keys.get(key, (0, []))[1]) > 60:
            return ("LTRIM", key, "5", "30")
        return self.random.choice([
            ("RPUSH", key, self.text(model), self.text(model)), ("LPUSH", key, self.text(model)),
            ("LPOP", key), ("RPOPLPUSH", key, other)])

    def draw_hash(self, model, key):
        field = f"f{self.random.randrange(200)}"
        fields = sorted(model.keys.get(key, (0, {}))[1])
        present = self.random.choice(fields) if fields else field
        choices = [("HSET", key, field, self.text(model)), ("HINCRBY", key, "n", "7"),
                   ("HDEL", key, present)]
        if fields:
            choices.append(("HPEXPIREAT", key, str(FAR_MS), "FIELDS", "1", present))
            choices.append(("HPERSIST", key, "FIELDS", "1", present))
        return self.random.choice(choices)

    def draw_set(self, model, key):
        members = sorted(model.keys.get(key, (0, []))[1])
        if len(members) == 1:
            return self.random.choice([("SPOP", key), ("SADD", key, "5", "6", "7")])
        choices = [("SADD", key, str(self.random.randrange(300))), ("SADD", key, self.text(model))]
        if members:
            choices.append(("SREM", key, self.random.choice(members)))
        return self.random.choice(choices)

    def draw_zset(self, model, key):
        member = f"m{self.random.randrange(200)}"
        return self.random.choice([
            ("ZADD", key, str(self.random.randrange(-500, 500) / 4), member),
            ("ZINCRBY", key, "0.25", member), ("ZREM", key, member), ("ZPOPMIN", key)])

    def draw_stream(self, model, key):
        stream = model.keys.get(key, (0, {"entries": [], "read": None, "pending": []}))[1]
        model.counter += 1
        choices = [("XADD", key, f"{model.counter}-0", "field", self.text(model), "n", "1")] * 3
        if stream["entries"]:
            choices.append(("XDEL", key, self.random.choice(stream["entries"])[0]))
        if stream["read"] is None:
            choices.append(("XGROUP CREATE", key, "g", "0", "MKSTREAM"))
        else:
            choices.append(("XREADGROUP", key))
        if stream["pending"]:
            choices.append(("XACK", key, "g", self.random.choice(stream["pending"])))
        return self.random.choice(choices)


def read_back(client, prefix):
    """The keys of a connection as the server has them, in the model's form."""
    keys = {}
    for key in client.call("KEYS", prefix + ":*"):
        key = key.decode()
        kind = client.call("TYPE", key)
        expiry = client.call("PEXPIRETIME", key)
        keys[key] = [kind, READERS[kind](client, key), None if expiry < 0 else expiry]
    return keys


def texts(values):
    return [value.decode() for value in values]


def pairs(values):
    return dict(zip(values[::2], values[1::2]))


def read_hash(client, key):
    fields = pairs(texts(client.call("HGETALL", key)))
    times = client.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
    return {f: [v, None if t < 0 else t] for (f, v), t in zip(fields.items(), times)}


def read_stream(client, key):
    entries = [(e[0].decode(), *texts(e[1])) for e in client.call("XRANGE", key, "-", "+")]
    groups = client.call("XINFO", "GROUPS", key)
    stream = {"entries": entries, "read": None, "pending": []}
    if groups:
        group = pairs(groups[0])
        stream["read"] = int(group[b"last-delivered-id"].split(b"-")[0])
        pending = client.call("XPENDING", key, "g", "-", "+", "100000")
        stream["pending"] = [p[0].decode() for p in pending]
    return stream


READERS = {
    "string": lambda c, k: c.call("GET", k).decode(),
    "list": lambda c, k: texts(c.call("LRANGE", k, 0, -1)),
    "hash": read_hash,
    "set": lambda c, k: set(texts(c.call("SMEMBERS", k))),
    "zset": lambda c, k: {m: float(s) for m, s in
                          pairs(texts(c.call("ZRANGE", k, 0, -1, "WITHSCORES"))).items()},
    "stream": read_stream,
}
