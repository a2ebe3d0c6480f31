# SPDX-License-Identifier: BSD-3-Clause
"""What plain commands cost beside an older build of ourselves, in server CPU an operation.

Both servers run at once, on one core, and are loaded one at a time from another, in turns: the
order changes with every round, and a ratio is taken within a round, so that what disturbs the
machine disturbs both alike. Shown are medians over the rounds. It is for differences of a few per
cent, which no figures of two runs can show.
"""

from statistics import median

import servers
import verdict

KEYS = 200_000
CLIENTS = 50
RATIO_MAX = 1.02
TTL_SECONDS = 100_000
VALUE = "v" * 64
# name, pipeline, words of the load generator
PLAIN = [(command.upper(), pipeline, {"command": command})
         for command in ("get", "set") for pipeline in (1, 16, 64)]
# The keys have times by then.
TIMED = [
    ("GET, with a time", 16, {"command": "get"}),
    ("SET EX", 16, {"command": "text", "text": f"SET key:@ {VALUE} EX {TTL_SECONDS}"}),
]


def cpu_us(got):
    return got["server_cpu_us"] / got["operations"]


def measure_cell(server, pipeline, words, seconds):
    return cpu_us(server.load(pipeline=pipeline, clients=CLIENTS, keys=KEYS, seconds=seconds,
                              **words))


def fill(server, ttl_seconds=0):
    server.load("fill", pipeline=64, keys=KEYS, ttl_seconds=ttl_seconds)


def measure_del(server):
    """Each key once; so it is filled again."""
    got = server.load("fill-text", text="DEL key:@", pipeline=16, clients=CLIENTS, keys=KEYS)
    fill(server)
    return cpu_us(got)


def take_turns(pair, number, measured, name, pipeline, work):
    order = pair if number % 2 == 0 else pair[::-1]
    for server in order:
        measured.setdefault((name, pipeline), {}).setdefault(server.product.name, []).append(
            work(server))


def measure(pair, rounds, seconds):
    measured = {}

    def run_cells(number, cells):
        for name, pipeline, words in cells:
            take_turns(pair, number, measured, name, pipeline,
                       lambda server: measure_cell(server, pipeline, words, seconds))

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for server in pair:
            fill(server)
        run_cells(number, PLAIN)
        take_turns(pair, number, measured, "DEL", 16, measure_del)
        for server in pair:
            fill(server, TTL_SECONDS)
        run_cells(number, TIMED)
    return measured


def run(product, before, quick):
    if before is None:
        raise SystemExit("the part `before` needs --before PROGRAM, an older cairn-server")
    older = servers.Product("before", before)
    print(f"\n== before: us of server CPU an operation, {KEYS} keys, {CLIENTS} clients, 1 worker; "
          f"beside {before}")
    with servers.Server(older) as old, servers.Server(product) as new:
        measured = measure([new, old], 3 if quick else 11, 0.3 if quick else 0.7)
    print(f"{'':<18}{'P':>3} | {'now':>8} | {'before':>8} | ratio, median (range)")
    for (name, pipeline), cell in measured.items():
        ratios = sorted(ours / theirs for ours, theirs in zip(cell[product.name], cell["before"]))
        judged = verdict.judge(f"{name} at pipeline {pipeline}: CPU to before", median(ratios),
                               RATIO_MAX)
        print(f"{name:<18}{pipeline:>3} | {median(cell[product.name]):8.3f} | "
              f"{median(cell['before']):8.3f} | {median(ratios):.3f} "
              f"({ratios[0]:.2f}..{ratios[-1]:.2f}) {judged}")
