# SPDX-License-Identifier: BSD-3-Clause
"""Processor time of a rate limit, side by side: LIMIT.GCRA here, and the same law as a script, by
EVALSHA, on every server. Once let through, on many keys; once refused, on one.

As in throughput.py all servers run at once on one core and are loaded one at a time, and a ratio is
taken within a round.
"""

import contextlib

import servers
import type_throughput

KEYS = 100_000
PIPELINE = 16
CLIENTS = 50

# The same five numbers. Server time, floating-point microseconds, one key.
SCRIPT = ("local t=redis.call('TIME') local now=t[1]*1000000+t[2] "
          "local step=ARGV[2]*1000/ARGV[1] local room=step*ARGV[1] "
          "local tat=tonumber(redis.call('GET',KEYS[1]) or now) if tat<now then tat=now end "
          "local debt=tat-now+step "
          "if debt>room then return {0,tonumber(ARGV[1]),0,math.ceil((debt-room)/1000),"
          "math.ceil((tat-now)/1000)} end "
          "redis.call('SET',KEYS[1],string.format('%.0f',now+debt),'PX',math.ceil(debt/1000)) "
          "return {1,tonumber(ARGV[1]),math.floor((room-debt)/step),0,math.ceil(debt/1000)}")

# name, words of the limit, target of our processor time to that of Valkey's script
CASES = [
    ("let through", "key:@ 1000 1000", 0.5),
    ("refused", "key 1 86400000", 0.5),
]


def words_of(server, words, by_command):
    if by_command:
        return f"LIMIT.GCRA {words}"
    key, rule = words.split(" ", 1)
    return f"EVALSHA {server.ask('SCRIPT', 'LOAD', SCRIPT)} 1 {key} {rule}"


def measure(products, rounds, seconds):
    """{(name, product): [µs of the server's processor time an operation, a round each]}"""
    measured = {}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.Server(product)) for product in products]
        ours = products[0].name
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for name, words, _ in CASES:
                for server in running:
                    for by_command in (True, False):
                        if by_command and server.product.name != ours:
                            continue
                        server.ask("FLUSHALL")
                        got = server.load("text", text=words_of(server, words, by_command),
                                          keys=KEYS, pipeline=PIPELINE, clients=CLIENTS,
                                          seconds=seconds)
                        cost = type_throughput.cpu_us(got)
                        # Of the others, the script stands beside our command, too.
                        labels = [name] if by_command else [f"{name}, as a script"]
                        if server.product.name != ours:
                            labels.append(name)
                        for label in labels:
                            measured.setdefault((label, server.product.name), []).append(cost)
    return measured


def run(products, quick):
    print(f"\n== limits: us of server CPU a request, pipeline {PIPELINE}, 1 worker; "
          "LIMIT.GCRA here, EVALSHA elsewhere")
    measured = measure(products, 3 if quick else 5, 0.5 if quick else 1.0)
    head = f"{'':<20}"
    for product in products:
        head += f" | {product.name:>9}"
    print(head + " | /Redis | /Valkey (range)  target")
    for name, _, target in CASES:
        type_throughput.print_cell(measured, products, name, target)
        type_throughput.print_cell(measured, products, f"{name}, as a script", None)
