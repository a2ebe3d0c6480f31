# SPDX-License-Identifier: BSD-3-Clause
"""What a second worker costs: the server with one and with two, in processor time an operation.

Two workers on two cores do 2 * (time an operation of one) / (time an operation of two) as much as
one, if they have the cores to themselves. Here the load takes part of them, so the clock on the
wall would tell nothing; processor time does, cache lines fought over included. Load and servers
may use both cores: a server that shares a core with its load is woken more cheaply than one that
does not, so pinning one of them would compare that.

The load must not be the limit. One worker is always busy; of two that the load cannot keep busy
each sleeps and is woken, and pays for that, not for its neighbour. So the sleeps are counted and
printed, and the judged figure is taken at pipeline 64, where the load is lightest an operation.
That at 16, where two workers sleep every hundred operations, stands beside it.
"""

import pathlib
import re
from statistics import median

import servers
import verdict

SCALING_MIN = 1.7
PIPELINES = (16, 64)
JUDGED_PIPELINE = 64
KEYS = 1_000_000
CORES = (0, 1)


def sleeps(server):
    """How often the server's threads have gone to sleep by themselves."""
    found = (re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.MULTILINE)
             for status in pathlib.Path(f"/proc/{server.pid}/task").glob("*/status"))
    return sum(int(match.group(1)) for match in found)


def measure(server, command, pipeline, seconds):
    """Processor time an operation, in microseconds, and sleeps a thousand operations."""
    before = sleeps(server)
    got = server.load(command, CORES, pipeline=pipeline, keys=KEYS, seconds=seconds, warm_up=0)
    operations = got["operations"]
    return got["server_cpu_us"] / operations, (sleeps(server) - before) / operations * 1000


def compare(one, two, command, pipeline, quick):
    ratios, slept = [], []
    for _ in range(3 if quick else 5):
        (cost_of_one, _), (cost_of_two, sleeps_of_two) = (
            measure(server, command, pipeline, 0.4 if quick else 1.5) for server in (one, two))
        ratios.append(2 * cost_of_one / cost_of_two)
        slept.append(sleeps_of_two)
    value = median(ratios)
    judged = ""
    if pipeline == JUDGED_PIPELINE:
        judged = verdict.judge(f"{command.upper()}: two workers to one, by CPU", value,
                               SCALING_MIN, at_least=True)
    spread = f"({min(ratios):.2f}..{max(ratios):.2f})"
    print(f"{command.upper():<5} P={pipeline:<4}{value:>6.2f} {spread}  "
          f"{median(slept):>6.2f} sleeps a thousand operations   {judged}", flush=True)


def run(product, quick):
    print("\n== workers: server CPU an operation with one and two")
    with servers.Server(product, ["--io-threads", "1"], CORES) as one, \
            servers.Server(product, ["--io-threads", "2"], CORES) as two:
        for server in (one, two):
            server.load("fill", pipeline=64, keys=KEYS)
        for command in ("get", "set"):
            for pipeline in PIPELINES:
                compare(one, two, command, pipeline, quick)
