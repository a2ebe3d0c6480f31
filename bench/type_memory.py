# SPDX-License-Identifier: BSD-3-Clause
"""Resident bytes of a million elements of each type, beyond the same server, empty but warm."""

import time

import servers
import verdict

COUNT = 1_000_000
TARGET = 0.9
# Dirty pages that the allocator is about to give back are nobody's elements.
SETTLE_SECONDS = 2
VALUE = "v" * 64
CASES = [
    ("hashes of 5 fields", "HSET user:@ name % email % city % born % visits 17"),
    ("set", "SADD set member:@"),
    ("sorted set", "ZADD zset % member:@"),
    ("list", "RPUSH list " + VALUE),
    ("stream", "XADD stream * field " + VALUE),
    ("stream, short", "XADD stream * field %"),
]


def bytes_each(product, text):
    with servers.Server(product) as server:
        server.load("fill-text", text=text, keys=1000, pipeline=64, clients=50)
        server.ask("FLUSHALL")
        time.sleep(0.2)
        empty = server.resident_bytes()
        server.load("fill-text", text=text, keys=COUNT, pipeline=64, clients=50)
        time.sleep(SETTLE_SECONDS)
        return (server.resident_bytes() - empty) / COUNT


def run(products, quick):
    print(f"\n== type memory: resident bytes an element, {COUNT} elements")
    head = f"{'':<20}"
    for product in products:
        head += f"{product.name:>10}"
    print(head + "   /Valkey  target")
    # Quick: without those that no target names.
    products = [p for p in products if p.name in ("Cairn", "Valkey")] if quick else products
    for name, text in CASES:
        got = {product.name: bytes_each(product, text) for product in products}
        line = f"{name:<20}" + "".join(f"{value:>10.1f}" for value in got.values())
        if "Valkey" in got:
            ratio = got["Cairn"] / got["Valkey"]
            line += f"   {ratio:7.2f}  " + verdict.judge(f"{name}: memory to Valkey's", ratio,
                                                         TARGET)
        print(line, flush=True)
