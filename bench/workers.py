# SPDX-License-Identifier: BSD-3-Clause
"""What a second worker costs: the server with one and with two, in processor time an operation.

Two workers on two cores do 2 * (time an operation of one) / (time an operation of two) as much as
one, if they have the cores to themselves. Here the load takes part of them, so the clock on the
wall would tell nothing; processor time does, cache lines fought over included. Load and servers
may use both cores: a server that shares a core with its load is woken more cheaply than one that
does not, so pinning one of them would compare that.
"""

from statistics import median

import servers
import verdict

SCALING_MIN = 1.7
PIPELINE = 16
KEYS = 1_000_000
CORES = (0, 1)


def run(product, quick):
    print(f"\n== workers: server CPU an operation with one and two, pipeline {PIPELINE}")
    with servers.Server(product, ["--io-threads", "1"], CORES) as one, \
            servers.Server(product, ["--io-threads", "2"], CORES) as two:
        for server in (one, two):
            server.load("fill", pipeline=64, keys=KEYS)
        for command in ("get", "set"):
            ratios = []
            for _ in range(3 if quick else 5):
                costs = []
                for server in (one, two):
                    got = server.load(command, CORES, pipeline=PIPELINE, keys=KEYS,
                                      seconds=0.4 if quick else 1.5)
                    costs.append(got["server_cpu_us"] / got["operations"])
                ratios.append(2 * costs[0] / costs[1])
            value = median(ratios)
            judged = verdict.judge(f"{command.upper()}: two workers to one, by CPU", value,
                                   SCALING_MIN, at_least=True)
            spread = f"({min(ratios):.2f}..{max(ratios):.2f})"
            print(f"{command.upper():<10}{value:>8.2f} {spread}   {judged}",
                  flush=True)
