# SPDX-License-Identifier: BSD-3-Clause
"""Operations a second and processor time an operation, side by side.

All servers run at once, on one core, and are loaded one at a time from another: in each round every
cell of the table is measured on each server in turn, so that what disturbs the machine disturbs all
of them. A ratio is taken within a round; the table shows medians over the rounds.
"""

import contextlib
import subprocess
from statistics import median

import servers
import verdict

KEYS = 1_000_000
CLIENTS = 50
# command, pipeline, target of our processor time to Valkey's
CELLS = [
    ("get", 1, 0.95), ("get", 16, 0.55), ("get", 64, 0.45),
    ("set", 1, 0.95), ("set", 16, 0.55), ("set", 64, 0.45),
    ("mset", 16, 0.55), ("mget", 16, 0.55),
]
# redis-benchmark counts operations, not seconds: about a second's worth.
CROSS_CHECK_OPERATIONS = {1: 60_000, 16: 400_000, 64: 800_000}


def run_redis_benchmark(server, command, pipeline, seconds):
    """The same cell with Redis's own generator. Its keys are ours: key:000000000042."""
    operations = int(CROSS_CHECK_OPERATIONS[pipeline] * seconds)
    words = ["redis-benchmark", "-p", str(server.port), "-c", str(CLIENTS), "-P", str(pipeline),
             "-r", str(KEYS), "-d", "64", "--csv"]
    key, value = "key:__rand_int__", "v" * 64
    if command in ("mset", "mget"):
        operations //= 8
        arguments = [key, value] if command == "mset" else [key]
        words += ["-n", str(operations), command, *arguments * 10]
    else:
        words += ["-n", str(operations), "-t", command]
    before = server.cpu_ns()
    out = subprocess.run(["taskset", "-c", str(servers.LOAD_CORE), *words], capture_output=True,
                         text=True, timeout=540, check=True)
    cpu_us = (server.cpu_ns() - before) / 1000
    per_second = float(out.stdout.strip().splitlines()[-1].split('"')[3])
    return per_second, cpu_us / operations


def run_load(server, command, pipeline, seconds):
    got = server.load(command, pipeline=pipeline, clients=CLIENTS, keys=KEYS, seconds=seconds)
    return got["operations"] / got["seconds"], got["server_cpu_us"] / got["operations"]


def measure(products, rounds, seconds, generator):
    """{(command, pipeline, product): [(operations a second, µs an operation) a round]}"""
    measured = {}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.Server(product)) for product in products]
        for server in running:
            server.load("fill", pipeline=64, keys=KEYS)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for command, pipeline, _ in CELLS:
                for server in running:
                    cell = measured.setdefault((command, pipeline, server.product.name), [])
                    cell.append(generator(server, command, pipeline, seconds))
    return measured


def ratios_to(measured, command, pipeline, peer):
    """Our processor time to the peer's, a round each, sorted. Empty if the peer is not there."""
    ours = measured[command, pipeline, "Cairn"]
    theirs = measured.get((command, pipeline, peer), [])
    return sorted(our[1] / their[1] for our, their in zip(ours, theirs))


def print_cell(measured, products, command, pipeline, target):
    name = f"{command.upper()}{' 10' if command[0] == 'm' else ''}"
    line = f"{name:<8}{pipeline:>3}"
    for product in products:
        cell = measured[command, pipeline, product.name]
        line += f" | {median(c[0] for c in cell) / 1000:8.1f} {median(c[1] for c in cell):8.3f}"
    to_redis = ratios_to(measured, command, pipeline, "Redis")
    line += f" | {median(to_redis):6.2f}" if to_redis else " |      -"
    to_valkey = ratios_to(measured, command, pipeline, "Valkey")
    if to_valkey:
        judged = verdict.judge(f"{name} at pipeline {pipeline}: CPU to Valkey's", median(to_valkey),
                               target)
        line += f" | {median(to_valkey):6.2f} ({to_valkey[0]:.2f}..{to_valkey[-1]:.2f}) {judged}"
    print(line)


def run(products, quick, redis_benchmark):
    generator = run_redis_benchmark if redis_benchmark else run_load
    print(f"\n== throughput: {CLIENTS} clients, 64-byte values, {KEYS} random keys, 1 worker, "
          f"{'redis-benchmark' if redis_benchmark else 'bench/load'}")
    measured = measure(products, 3 if quick else 5, 0.4 if quick else 1.5, generator)
    head = f"{'':<8}{'P':>3}"
    for product in products:
        head += f" | {product.name + ' k/s':>8} {'µs/op':>8}"
    print(head + " | /Redis | /Valkey (range)  target")
    for command, pipeline, target in CELLS:
        print_cell(measured, products, command, pipeline, target)
