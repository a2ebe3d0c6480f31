# SPDX-License-Identifier: BSD-3-Clause
"""Processor time of an EVALSHA, side by side: a script of three calls, on keys that it declares, on
one that it does not declare besides, and one of no calls.

As in throughput.py all servers run at once on one core and are loaded one at a time, and a ratio is
taken within a round.
"""

import contextlib

import servers
import type_throughput

KEYS = 100_000
PIPELINE = 16
CLIENTS = 50
VALUE = "v" * 64

THREE_CALLS = ("redis.call('SET',KEYS[1],ARGV[1]) redis.call('INCR',KEYS[2]) "
               "return redis.call('GET',KEYS[1])")
UNDECLARED = ("redis.call('SET',KEYS[1],ARGV[1]) redis.call('INCR','n:'..KEYS[1]) "
              "return redis.call('GET',KEYS[1])")

# name, script, words behind its SHA-1, target of our processor time to Valkey's
SCRIPTS = [
    ("three calls", THREE_CALLS, f"2 key:@ count:@ {VALUE}", 0.7),
    ("three, undeclared", UNDECLARED, f"1 key:@ {VALUE}", 0.7),
    ("no calls", "return 1", "0", None),
]


def measure(products, rounds, seconds):
    """{(name, product): [µs of the server's processor time an operation, a round each]}"""
    measured = {}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.Server(product)) for product in products]
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for name, script, words, _ in SCRIPTS:
                for server in running:
                    text = f"EVALSHA {server.ask('SCRIPT', 'LOAD', script)} {words}"
                    got = server.load("text", text=text, keys=KEYS, pipeline=PIPELINE,
                                      clients=CLIENTS, seconds=seconds)
                    measured.setdefault((name, server.product.name),
                                        []).append(type_throughput.cpu_us(got))
    return measured


def run(products, quick):
    print(f"\n== scripts: us of server CPU an EVALSHA, pipeline {PIPELINE}, 1 worker")
    measured = measure(products, 3 if quick else 5, 0.5 if quick else 1.0)
    head = f"{'':<20}"
    for product in products:
        head += f" | {product.name:>9}"
    print(head + " | /Redis | /Valkey (range)  target")
    for name, _, _, target in SCRIPTS:
        type_throughput.print_cell(measured, products, name, target)
