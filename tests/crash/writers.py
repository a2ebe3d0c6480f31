# SPDX-License-Identifier: BSD-3-Clause
"""Connections that write until the server is gone, and the judgement on what it still has then."""

import random
import threading
import time

from harness import Client, ServerError, shorten
from model import Drawer, Model, read_back, wire

SHARED = "shared"  # a list that all append to


class Writer(threading.Thread):
    """One connection: draws operations, sends them one by one, remembers when each was answered."""

    def __init__(self, port, number, seed, model=None):
        super().__init__(daemon=True)
        self.client = Client(port)
        self.number = number
        self.drawer = Drawer(random.Random(f"{seed}:{number}"))
        self.before = model or Model(f"w{number}")
        self.draft = self.before.clone()
        self.history = []  # [operation, time of its answer or None]
        self.trouble = None
        self.ending = False

    def run(self):
        try:
            while not self.ending:
                self.step()
        except (OSError, ConnectionError, ValueError):
            pass  # killed; a reply may have been cut
        finally:
            self.client.close()

    def step(self):
        operation = self.drawer.operation(self.draft)
        if self.drawer.random.randrange(8) == 0:
            operation = self.with_shared(operation)
        self.history.append([operation, None])
        replies = self.send(operation)
        errors = [reply for reply in replies if isinstance(reply, ServerError)]
        if errors:
            self.trouble = f"{operation} was answered {errors}"
            self.ending = True
        self.history[-1][1] = time.monotonic()

    def with_shared(self, operation):
        """The same, and an entry in the list of all: of these, both are done or none."""
        self.draft.counter += 1
        mark = ("SET", f"{self.before.prefix}:last", str(self.draft.counter))
        self.draft.apply([mark])
        return [*operation, mark, ("RPUSH", SHARED, f"{self.number}:{self.draft.counter}")]

    def send(self, operation):
        commands = [wire(command) for command in operation]
        if len(commands) == 1:
            return [self.client.call(*commands[0])]
        for command in [["MULTI"], *commands, ["EXEC"]]:
            reply = self.client.call(*command)
            if isinstance(reply, ServerError):
                return [reply]
        return reply

    def judge(self, client, safe_until):
        """The model as the server has it; an AssertionError if no prefix of what was sent, with all
        that was answered before `safe_until`, explains it."""
        if self.trouble:
            raise AssertionError(self.trouble)
        found = read_back(client, self.before.prefix)
        needed = sum(1 for _, answered in self.history if answered and answered <= safe_until)
        model = self.before.clone()
        for count in range(len(self.history) + 1):
            if count >= needed and model.keys == found:
                model.counter = self.draft.counter
                self.judge_shared(client, model)
                return model
            if count < len(self.history):
                model.apply([c for c in self.history[count][0] if c[1] != SHARED])
        raise AssertionError(self.complaint(found, needed))

    def judge_shared(self, client, model):
        mine = [item.decode().split(":")[1] for item in client.call("LRANGE", SHARED, 0, -1)
                if item.startswith(b"%d:" % self.number)]
        last = model.keys.get(f"{model.prefix}:last", (0, None))[1]
        if (mine[-1] if mine else None) != last or len(set(mine)) != len(mine):
            raise AssertionError(f"half a transaction: {last} here, {mine[-3:]} in the list of all")

    def complaint(self, found, needed):
        """What differs from the least that must be there."""
        model = self.before.clone()
        for operation, _ in self.history[:needed]:
            model.apply([c for c in operation if c[1] != SHARED])
        names = sorted(k for k in found.keys() | model.keys.keys()
                       if found.get(k) != model.keys.get(k))
        parts = [f"{k}: has {shorten(found.get(k))}, model {shorten(model.keys.get(k))}"
                 for k in names[:3]]
        return (f"writer {self.number}: {len(self.history)} operations, {needed} must be there, "
                f"and no such prefix explains what is: " + "; ".join(parts) +
                f"; from {self.history[max(0, needed - 2):needed + 2]}")
