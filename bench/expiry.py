# SPDX-License-Identifier: BSD-3-Clause
"""Expiry: how late keys go, and what waiting for them costs.

1,000 keys fall due at random moments of one second, among 100,000 volatile ones that do not. DBSIZE
is asked without pause, and looks at no key; the k-th key is gone when it first shows k fewer. That
is matched with the k-th moment. The lag therefore contains the pace of the asking, which is shown.
Then an idle server with a million volatile keys, its processor time over some seconds.
"""

import random
import time
from statistics import median

import servers
import verdict

OTHER_KEYS = 100_000
DUE_KEYS = 1_000
IDLE_KEYS = 1_000_000
LAG_MS_MAX = 100
IDLE_PERCENT_MAX = 1
GIVE_UP_SECONDS = 10
ROUNDS = 3


def plant(server):
    """Sets the keys that fall due; their moments in ms, sorted."""
    begin_ms = int(time.time() * 1000) + 1500
    moments = [begin_ms + random.randrange(1000) for _ in range(DUE_KEYS)]
    for number, moment in enumerate(moments):
        server.ask("SET", f"due:{number}", "v" * 64, "PXAT", moment)
    return sorted(moments)


def watch(server, moments):
    """Lags in ms, sorted, and the longest pause between two looks. Keys that never went lag the
    time we waited for them."""
    lags, slowest_ms, last_ms = [], 0.0, time.time() * 1000
    while len(lags) < DUE_KEYS:
        size = server.ask("DBSIZE")
        now_ms = time.time() * 1000
        slowest_ms = max(slowest_ms, now_ms - last_ms)
        last_ms = now_ms
        gone = OTHER_KEYS + DUE_KEYS - size
        if now_ms > moments[-1] + GIVE_UP_SECONDS * 1000:
            gone = DUE_KEYS
        lags += [now_ms - moment for moment in moments[len(lags):gone]]
    return sorted(lags), slowest_ms


def run_lag(product):
    """One round; p99."""
    with servers.Server(product) as server:
        server.load("fill", pipeline=64, keys=OTHER_KEYS, ttl_seconds=100_000)
        lags, slowest_ms = watch(server, plant(server))
        p99 = lags[DUE_KEYS * 99 // 100 - 1]
        line = (f"{product.name:<10}{lags[DUE_KEYS // 2]:>10.1f}{p99:>10.1f}{lags[-1]:>10.1f}"
                f"{slowest_ms:>10.1f}")
        own_max, own_average = server.info("expire_lag_ms_max"), server.info("expire_lag_ms_avg")
        if own_max is not None:
            line += f"   INFO: max {own_max}, avg {own_average}"
        print(line, flush=True)
        return p99


def run_idle(product, seconds):
    with servers.Server(product) as server:
        server.load("fill", pipeline=64, keys=IDLE_KEYS, ttl_seconds=100_000)
        time.sleep(1)
        before, begin = server.cpu_ns(), time.monotonic_ns()
        time.sleep(seconds)
        percent = 100 * (server.cpu_ns() - before) / (time.monotonic_ns() - begin)
        line = f"{product.name:<10}{percent:>10.2f} %"
        if product.name == "Cairn":
            line += "   " + verdict.judge("CPU idle with 1 M volatile keys", percent,
                                          IDLE_PERCENT_MAX, " %")
        print(line, flush=True)


def run(products, quick):
    print(f"\n== expiry: {DUE_KEYS} keys due among {OTHER_KEYS} volatile ones, ms from due to gone")
    print(f"{'':<10}{'median':>10}{'p99':>10}{'max':>10}{'pace max':>10}")
    rounds = [run_lag(products[0]) for _ in range(ROUNDS)]
    print(verdict.judge("ms from due to gone, p99, median of rounds", median(rounds), LAG_MS_MAX))
    for product in products[1:]:
        run_lag(product)
    print(f"\n== idle: processor time with {IDLE_KEYS} volatile keys and no client")
    for product in products:
        run_idle(product, 3 if quick else 10)
