# SPDX-License-Identifier: BSD-3-Clause
"""Resident bytes a key, beyond the 16 bytes of the key and the 64 of the value.

The difference to the same server when empty but warm: its connections and buffers have been used.
"""

import servers
import verdict

PAYLOAD_BYTES = 16 + 64
OVERHEAD_MAX = 28
TTL_MAX = 8
TTL_SECONDS = 100_000


def overhead(product, keys, ttl_seconds):
    with servers.Server(product) as server:
        server.load("fill", pipeline=64, keys=1, clients=50)
        server.ask("FLUSHALL")
        empty = server.resident_bytes()
        server.load("fill", pipeline=64, keys=keys, ttl_seconds=ttl_seconds)
        assert server.ask("DBSIZE") == keys
        return (server.resident_bytes() - empty) / keys - PAYLOAD_BYTES


def run(products, quick):
    print("\n== memory: resident bytes a key beyond key (16) and value (64)")
    print(f"{'':<10}{'keys':>10}{'no TTL':>10}{'with TTL':>10}{'TTL adds':>10}")
    for keys in [1_000_000] if quick else [1_000_000, 10_000_000]:
        for product in products if keys == 1_000_000 else products[:1]:
            plain = overhead(product, keys, 0)
            volatile = overhead(product, keys, TTL_SECONDS)
            line = (f"{product.name:<10}{keys:>10}{plain:>10.1f}{volatile:>10.1f}"
                    f"{volatile - plain:>10.1f}")
            if product.name == "Cairn":
                millions = keys // 1_000_000
                first = verdict.judge(f"bytes beyond key and value, {millions} M keys", plain,
                                      OVERHEAD_MAX)
                second = verdict.judge(f"bytes more with TTL, {millions} M keys", volatile - plain,
                                       TTL_MAX)
                line += f"   {first}, {second}"
            print(line, flush=True)
