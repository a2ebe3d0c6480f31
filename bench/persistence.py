# SPDX-License-Identifier: BSD-3-Clause
"""What persistence costs: memory and latency while a save runs, its speed, the append only file.

Saves are taken of a million keys or ten (16 bytes) with values of 65 bytes, while 50 clients
overwrite them without pause. Servers may use both cores, the load keeps to one. All products are
measured in turn in each round. What a save needs is what memory peaked at beyond the peak of the
same load without one; of products that fork, the child's private pages.
"""

import contextlib
import gc
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
from statistics import median

import servers
import verdict

CLIENTS = 50
PIPELINE = 16
# Below it the share of memory is shown and not judged: what Cairn sets aside is fixed.
JUDGED_KEYS = 10_000_000
SET = "SET key:@ value%%%%%"  # 16 and 65 bytes: five times twelve digits
CORES = (0, 1)
PROBE_SECONDS = 0.001
WINDOW_SECONDS = 10
SAVE_SECONDS_MAX = 500
MEMORY_PERCENT_MAX = 5
LATENCY_RATIO_MAX = 2
SPEED_RATIO_MIN = 1
EVERYSEC_RATIO_MAX = 1.3
AOF_KEYS = 100_000
KEY, VALUE = "key:000000000007", "x" * 64


# ---- One save under load -----------------------------------------------------------------------


class Probe:
    """A client that asks for a key every millisecond, whether the last answer has come or not, and
    notes how long each took. It is given the core before others, if we may."""

    REQUEST = f"*2\r\n$3\r\nGET\r\n$16\r\n{KEY}\r\n".encode()

    def __init__(self, server):
        self.client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.sendall(self.REQUEST)
        self.answer_bytes = len(self.client.recv(4096))
        self.sent = []
        self.delays_ms = []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=work) for work in (self.ask, self.listen)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        self.client.close()

    @staticmethod
    def hurry():
        with contextlib.suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(1))

    def ask(self):
        self.hurry()
        while not self.is_over.is_set():
            time.sleep(PROBE_SECONDS)
            self.sent.append(time.monotonic())
            self.client.sendall(self.REQUEST)
        self.client.shutdown(socket.SHUT_WR)

    def listen(self):
        self.hurry()
        got = 0
        while answers := self.client.recv(65536):
            now, got = time.monotonic(), got + len(answers)
            while (len(self.delays_ms) + 1) * self.answer_bytes <= got:
                self.delays_ms.append((now - self.sent[len(self.delays_ms)]) * 1000)

    def percentile(self, share):
        return sorted(self.delays_ms)[int(len(self.delays_ms) * share)]


@contextlib.contextmanager
def writing(server, keys):
    """Overwrites without pause."""
    load = subprocess.Popen(
        ["taskset", "-c", str(servers.LOAD_CORE), servers.BIN / "load", "--port", str(server.port),
         "--command", "text", "--text", SET, "--keys", str(keys), "--clients", str(CLIENTS),
         "--pipeline", str(PIPELINE), "--seconds", str(10 * SAVE_SECONDS_MAX)],
        stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield
        if load.poll() is not None:
            raise SystemExit(f"{server.product.name}: the load ended early")
    finally:
        load.kill()
        load.wait()


def forget_peak(server):
    pathlib.Path(f"/proc/{server.pid}/clear_refs").write_text("5")


def peak_bytes(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def wait_saved(server):
    deadline = time.monotonic() + SAVE_SECONDS_MAX
    while server.info("rdb_bgsave_in_progress") != "0":
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.product.name}: no end of the save")
        time.sleep(0.02)
    if server.info("rdb_last_bgsave_status") != "ok":
        raise SystemExit(f"{server.product.name}: the save failed")


def window(server, work):
    """What the load and the probe see while `work` is done."""
    forget_peak(server)
    writes, begin = int(server.info("total_commands_processed")), time.monotonic()
    with Probe(server) as probe:
        work()
    seconds = time.monotonic() - begin
    writes = int(server.info("total_commands_processed")) - writes
    return {"peak": peak_bytes(server), "p99": probe.percentile(0.99),
            "p999": probe.percentile(0.999), "max": max(probe.delays_ms), "seconds": seconds,
            "k/s": writes / seconds / 1000}


def save_under_load(server, keys, empty_bytes, seconds):
    """One round: without, then with a save."""
    data_bytes = server.resident_bytes() - empty_bytes

    def save():
        server.ask("BGSAVE")
        wait_saved(server)

    with writing(server, keys):
        without = window(server, lambda: time.sleep(seconds))
        during = window(server, save)
    extra = during["peak"] - without["peak"]
    if server.product.name != "Cairn":
        extra = int(server.info("rdb_last_cow_size"))
    return {"without": without, "during": during, "percent": 100 * extra / data_bytes,
            "p999 ratio": during["p999"] / without["p999"]}


def print_save(product, number, got):
    without, during = got["without"], got["during"]
    print(f"{product.name:<8}{number:>3}{got['percent']:>9.1f} %{during['seconds']:>9.1f}"
          f"{without['k/s']:>9.0f}{during['k/s']:>8.0f}{without['p99']:>9.2f}{during['p99']:>8.2f}"
          f"{without['p999']:>9.2f}{during['p999']:>8.2f}"
          f"{without['max']:>9.1f}{during['max']:>8.1f}", flush=True)


def run_saves(running, keys, empty, rounds, seconds):
    print(f"\n== saves of {keys} keys while {CLIENTS} clients write, pipeline {PIPELINE}; "
          "a probe's GET in ms, without | during")
    print(f"{'':<8}{'':>3}{'memory':>11}{'seconds':>9}{'write k/s':>17}{'p99':>17}{'p99.9':>17}"
          f"{'max':>17}")
    measured = {}
    for number in range(rounds):
        for server in running:
            got = save_under_load(server, keys, empty[server], seconds)
            print_save(server.product, number + 1, got)
            measured.setdefault(server.product.name, []).append(got)
    ours = measured["Cairn"]
    memory = median(got["percent"] for got in ours)
    latency = median(got["p999 ratio"] for got in ours)
    name = f"a save of {keys // 1_000_000} M keys under load"
    judged = "" if keys < JUDGED_KEYS else verdict.judge(
        f"{name}: memory beyond the data", memory, MEMORY_PERCENT_MAX, " %")
    print(f"memory {memory:.1f} %   {judged}")
    print(f"p99.9 {latency:.2f} times   " + verdict.judge(
        f"{name}: p99.9 of a client to without", latency, LATENCY_RATIO_MAX))


# ---- Speed of saves and loads ------------------------------------------------------------------


def cpu_seconds(server):
    """Of all threads that were ever there."""
    words = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def time_save(server):
    begin, cpu = time.monotonic(), cpu_seconds(server)
    server.ask("SAVE")
    return time.monotonic() - begin, cpu_seconds(server) - cpu


def time_load(server):
    """Another server of the same kind, from its start to the end of its load."""
    begin = time.monotonic()
    with servers.Server(server.product, ["--dir", server.folder.name], CORES) as other:
        while other.info("loading") != "0":
            time.sleep(0.01)
        seconds, cpu = time.monotonic() - begin, cpu_seconds(other)
        if other.ask("DBSIZE") != server.ask("DBSIZE"):
            raise SystemExit(f"{server.product.name} did not load all keys")
    return seconds, cpu


def run_speed(running, keys, rounds):
    print("\n== speed of an idle server's SAVE and of a start with its file: median of rounds")
    measured = {}
    for _ in range(rounds):
        for what, measure in ("SAVE", time_save), ("load", time_load):
            for server in running:
                measured.setdefault((what, server.product.name), []).append(measure(server))
    for what in "SAVE", "load":
        for server in running:
            name = server.product.name
            cell = measured[what, name]
            seconds = median(wall for wall, _ in cell)
            size = pathlib.Path(server.folder.name, "dump.rdb").stat().st_size
            line = (f"{what:<6}{name:<8}{keys / seconds / 1e6:>8.2f} M keys/s"
                    f"{size / seconds / 1e6:>8.0f} MB/s   CPU {median(c for _, c in cell):.2f} s")
            if name == "Redis":
                ratio = median(theirs[0] / ours[0]
                               for ours, theirs in zip(measured[what, "Cairn"], cell))
                line += f"   Cairn is {ratio:.2f} times as fast   " + verdict.judge(
                    f"speed of {'SAVE' if what == 'SAVE' else 'loading'} to Redis's", ratio,
                    SPEED_RATIO_MIN, at_least=True)
            print(line, flush=True)


# ---- The append only file ----------------------------------------------------------------------


def appending(product, policy):
    arguments = [] if policy == "none" else ["--appendonly", "yes", "--appendfsync", policy,
                                             "--auto-aof-rewrite-percentage", "0"]
    return servers.Server(product, arguments)


def run_everysec(products, rounds, seconds):
    """Processor time of a SET with an append only file to one without."""
    print("\n== appendfsync everysec: server CPU of a SET, µs without | with")
    with contextlib.ExitStack() as stack:
        pairs = [(product, [stack.enter_context(appending(product, policy))
                            for policy in ("none", "everysec")]) for product in products]
        for pipeline in 1, 16:
            costs = {}
            for _ in range(rounds):
                for product, pair in pairs:
                    got = [server.load("set", pipeline=pipeline, keys=AOF_KEYS, seconds=seconds)
                           for server in pair]
                    costs.setdefault(product.name, []).append(
                        [one["server_cpu_us"] / one["operations"] for one in got])
            for name, cells in costs.items():
                ratio = median(cell[1] / cell[0] for cell in cells)
                line = (f"P={pipeline:<4}{name:<8}{median(cell[0] for cell in cells):>8.3f}"
                        f"{median(cell[1] for cell in cells):>8.3f}{ratio:>8.2f} times")
                if name == "Cairn":
                    line += "   " + verdict.judge(
                        f"SET at pipeline {pipeline}: CPU with everysec to without", ratio,
                        EVERYSEC_RATIO_MAX)
                print(line, flush=True)


def run_always(products, rounds, seconds):
    """SETs a second when each reply waits for its sync."""
    print(f"\n== appendfsync always, {CLIENTS} clients: SETs a second, and server CPU in µs")
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(appending(product, "always")) for product in products]
        measured = {}
        for _ in range(rounds):
            for server in running:
                got = server.load("set", clients=CLIENTS, keys=AOF_KEYS, seconds=seconds)
                measured.setdefault(server.product.name, []).append(
                    (got["operations"] / got["seconds"], got["server_cpu_us"] / got["operations"]))
        for name, cells in measured.items():
            line = (f"{name:<8}{median(speed for speed, _ in cells):>8.0f}/s"
                    f"{median(cost for _, cost in cells):>8.2f}")
            if name == "Redis":
                ratio = median(ours[0] / theirs[0]
                               for ours, theirs in zip(measured["Cairn"], cells))
                line += f"   Cairn is {ratio:.2f} times as fast   " + verdict.judge(
                    "SETs a second with appendfsync always to Redis's", ratio, SPEED_RATIO_MIN,
                    at_least=True)
            print(line, flush=True)


def run(products, quick):
    keys, rounds = (1_000_000, 3) if quick else (10_000_000, 3)
    gc.disable()  # its pauses would be the probe's
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.Server(product, cores=CORES))
                   for product in products]
        empty = {}
        for server in running:
            server.load("fill", pipeline=64, keys=1, clients=CLIENTS)
            server.ask("FLUSHALL")
            empty[server] = server.resident_bytes()
            server.load("fill-text", pipeline=64, keys=keys, text=SET)
        run_saves(running, keys, empty, rounds, WINDOW_SECONDS / 4 if quick else WINDOW_SECONDS)
        run_speed(running, keys, rounds)
    gc.enable()
    run_everysec(products, 5, 0.5 if quick else 1.5)
    run_always(products, 5, 0.5 if quick else 1.5)
