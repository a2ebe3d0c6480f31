# SPDX-License-Identifier: BSD-3-Clause
"""The C++ toolkit's typed cache beside hand-written loops of GET and SET with hiredis.

bench/toolkit_bench.cc has the parts. Times are of the caller's process; the server is on a core of
its own.
"""

import subprocess

import servers
import verdict

EMBEDDED = "embedded:"
EMBEDDED_HIT_NS_MAX = 1000
NEAR_HIT_NS_MAX = 150
LOADS_MAX = 1


def measure(part, uri, seconds):
    """What a part prints, by name."""
    words = ["taskset", "-c", f"{servers.LOAD_CORE}", str(servers.BIN / "toolkit_bench"), part,
             "--uri", uri, "--seconds", str(seconds)]
    out = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=540, check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def row(label, *cells):
    print(f"{label:<34}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


def us(figures, name):
    return f"{figures[name] / 1000:.2f}"


def hits(uri, plain, seconds):
    print("\nA hit, one caller, 64 bytes; microseconds")
    row("", "mean", "CPU", "p50", "p99")
    spans = [("near", "near-hits", uri, NEAR_HIT_NS_MAX),
             ("embedded", "hits", EMBEDDED, EMBEDDED_HIT_NS_MAX),
             ("Cairn", "hits", uri, None)]
    spans += [(f"hiredis GET, {name}", "hiredis-hits", at, None) for name, at in plain]
    for label, part, at, limit in spans:
        found = measure(part, at, seconds)
        judged = "" if limit is None else "  " + verdict.judge(
            f"toolkit: CPU of a hit, {label}, ns", found["cpu_ns"], limit)
        row(label, *(us(found, name) for name in ("mean_ns", "cpu_ns", "p50_ns", "p99_ns")), judged)


def many(uri, plain, seconds):
    print("\n64 coroutines, pipelined by themselves; a loop of pipelines of 64 by hiredis")
    row("", "thousand/s", "CPU us")
    spans = [("hits, embedded", "coroutines", EMBEDDED), ("hits, Cairn", "coroutines", uri)]
    spans += [(f"GET, {name}", "get-coroutines", at) for name, at in plain]
    spans += [(f"hiredis GET, {name}", "hiredis-pipeline", at) for name, at in plain]
    for label, part, at in spans:
        found = measure(part, at, seconds)
        row(label, f"{found['calls_per_second'] / 1000:.0f}", us(found, "cpu_ns"))


def crowds(title, parts, uri, plain, count, seconds):
    """`parts`: ours and hiredis's. `count`: what is counted beside the times."""
    print(f"\n{title}; milliseconds")
    row("", count, "p50", "p99", "max")
    spans = [("embedded", parts[0], EMBEDDED), ("Cairn", parts[0], uri)]
    spans += [(f"hiredis, {name}", parts[1], at) for name, at in plain]
    for label, part, at in spans:
        found = measure(part, at, seconds)
        judged = ""
        if count == "loads" and part == parts[0]:
            judged = "  " + verdict.judge(f"toolkit: loads of a stampede, {label}", found["loads"],
                                          LOADS_MAX)
        row(label, f"{found[count]:.0f}",
            *(f"{found[name] / 1e6:.2f}" for name in ("p50_ns", "p99_ns", "max_ns")), judged)


def staleness(uri):
    found = measure("staleness", uri, 1)
    print("\nFrom an invalidation's answer to the last older value of another process's near cache")
    row("", "p50 us", "p99 us", "max us")
    row("Cairn", *(us(found, name) for name in ("p50_ns", "p99_ns", "max_ns")))


def run(products, quick):
    print("\n== toolkit: the typed cache, and hiredis by hand")
    if not (servers.BIN / "toolkit_bench").exists():
        print("left out: no libhiredis-dev where this was built")
        return
    seconds = 1 if quick else 5

    def each(do):
        """Fresh servers, so that no part finds another's key."""
        started = [servers.Server(product) for product in products]
        try:
            plain = [(one.product.name, f"redis://127.0.0.1:{one.port}") for one in started]
            do(plain[0][1], plain)
        finally:
            for one in started:
                one.__exit__()

    each(lambda uri, plain: hits(uri, plain, seconds))
    each(lambda uri, plain: many(uri, plain, seconds))
    each(lambda uri, plain: crowds("1,000 callers of a key that nobody has, a load of 50 ms",
                                   ("stampede", "hiredis-stampede"), uri, plain, "loads", seconds))
    each(lambda uri, plain: crowds("64 readers of a key that expires every 100 ms",
                                   ("expiry", "hiredis-expiry"), uri, plain, "calls", seconds))
    each(lambda uri, plain: staleness(uri))
