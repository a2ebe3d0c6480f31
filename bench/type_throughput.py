# SPDX-License-Identifier: BSD-3-Clause
"""Processor time of an operation on a large hash, set, sorted set, list and stream, side by side.

As in throughput.py all servers run at once on one core and are loaded one at a time, and a ratio is
taken within a round. What reads or overwrites is measured for a time; what adds is measured over a
number of operations that is the same for all, so that all have the same to carry.
"""

import contextlib
from statistics import median

import servers
import verdict

MEMBERS = 1_000_000
ALGEBRA_MEMBERS = 10_000
PIPELINE = 16
VALUE = "v" * 64

# What is there before the first round: the text, how often.
FILLS = [
    ("ZADD zset % member:@", MEMBERS),
    ("HSET hash field:@ " + VALUE, MEMBERS),
    ("SADD set member:@", MEMBERS),
    ("RPUSH list " + VALUE, MEMBERS),
    ("XADD stream * field " + VALUE, MEMBERS),
    ("SADD left member:@", ALGEBRA_MEMBERS),
    ("SADD right member:@", ALGEBRA_MEMBERS // 2),
    ("SADD right other:@", ALGEBRA_MEMBERS // 2),
]

# name, text, clients, target of our processor time to Valkey's
READS = [
    ("ZADD, new score", "ZADD zset % member:@", 50, 0.5),
    ("ZRANK", "ZRANK zset member:@", 50, 0.5),
    ("ZRANGEBYSCORE, 10", "ZRANGEBYSCORE zset % +inf LIMIT 0 10", 50, 0.5),
    ("ZSCORE", "ZSCORE zset member:@", 50, None),
    ("HSET, over", "HSET hash field:@ " + VALUE, 50, 0.6),
    ("HGET", "HGET hash field:@", 50, 0.6),
    ("SISMEMBER", "SISMEMBER set member:@", 50, 0.6),
    ("LRANGE, 100", "LRANGE list 0 99", 50, 0.6),
    ("SINTER, 2 x 10 k", "SINTER left right", 4, 0.6),
]
# The same, measured over a number of operations; ROUND makes each round's members new.
ADDS = [
    ("ZADD, new member", "ZADD zset % ROUND:@", 50, 0.5),
    ("SADD", "SADD set ROUND:@", 50, 0.6),
    ("HSET, new field", "HSET hash ROUND:@ " + VALUE, 50, 0.6),
    ("LPUSH", "LPUSH list " + VALUE, 50, 0.6),
    ("XADD", "XADD stream * field " + VALUE, 50, 0.6),
]
ADDS_A_ROUND = 300_000


def cpu_us(got):
    return got["server_cpu_us"] / got["operations"]


def fill(server, text, count):
    server.load("fill-text", text=text, keys=count, pipeline=64)


def measure(products, rounds, seconds, adds):
    """{(name, product): [µs of the server's processor time an operation, a round each]}"""
    measured = {}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.Server(product)) for product in products]
        for server in running:
            for text, count in FILLS:
                fill(server, text, count)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for name, text, clients, _ in READS:
                for server in running:
                    got = server.load("text", text=text, keys=MEMBERS, pipeline=PIPELINE,
                                      clients=clients, seconds=seconds)
                    measured.setdefault((name, server.product.name), []).append(cpu_us(got))
            for name, text, clients, _ in ADDS:
                for server in running:
                    got = server.load("fill-text", text=text.replace("ROUND", f"round{number}"),
                                      keys=adds, pipeline=PIPELINE, clients=clients)
                    measured.setdefault((name, server.product.name), []).append(cpu_us(got))
    return measured


def ratios_to(measured, name, peer):
    """Our processor time to the peer's, a round each, sorted. Empty if the peer is not there."""
    return sorted(our / their
                  for our, their in zip(measured[name, "Cairn"], measured.get((name, peer), [])))


def print_cell(measured, products, name, target):
    line = f"{name:<20}"
    for product in products:
        line += f" | {median(measured[name, product.name]):9.3f}"
    to_redis = ratios_to(measured, name, "Redis")
    line += f" | {median(to_redis):6.2f}" if to_redis else " |      -"
    to_valkey = ratios_to(measured, name, "Valkey")
    if to_valkey:
        line += f" | {median(to_valkey):6.2f} ({to_valkey[0]:.2f}..{to_valkey[-1]:.2f})"
        if target is not None:
            line += " " + verdict.judge(f"{name}: CPU to Valkey's", median(to_valkey), target)
    print(line)


def run(products, quick):
    print(f"\n== types: us of server CPU an operation, pipeline {PIPELINE}, 1 worker, "
          f"collections of {MEMBERS} elements")
    measured = measure(products, 3 if quick else 5, 0.3 if quick else 1.0,
                       ADDS_A_ROUND // 3 if quick else ADDS_A_ROUND)
    head = f"{'':<20}"
    for product in products:
        head += f" | {product.name:>9}"
    print(head + " | /Redis | /Valkey (range)  target")
    for name, _, _, target in READS + ADDS:
        print_cell(measured, products, name, target)
