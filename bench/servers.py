# SPDX-License-Identifier: BSD-3-Clause
"""The servers under comparison: found, started pinned to a core, asked, and ended by their pid.

A server lives as long as its `with` block at most; the kernel ends it if this process dies first.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("CAIRN_BIN", ROOT / "build/release/bin"))
SERVER_CORE = 0
LOAD_CORE = 1
FIRST_PORT = int(os.environ.get("CAIRN_PORT", 21800))
PORTS = range(FIRST_PORT, FIRST_PORT + 100)
START_SECONDS_MAX = 20
COMMON = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"]
PR_SET_PDEATHSIG = 1


class Product:
    """A program to compare: its name, path, version and extra environment."""

    def __init__(self, name, path, environment=None):
        self.name = name
        self.path = str(path)
        self.environment = {**os.environ, **(environment or {})}
        text = subprocess.run([self.path, "--version"], env=self.environment, capture_output=True,
                              text=True, check=True).stdout
        self.version = re.search(r"v=(\S+)", text).group(1)


def find_products():
    """Cairn, and of valkey-server and redis-server those that are to be had."""
    products = [Product("Cairn", BIN / "cairn-server")]
    fetched = subprocess.run([ROOT / "tools/fetch-valkey"], stdout=subprocess.PIPE, text=True,
                             check=False)
    if fetched.returncode == 0:
        path = ROOT / fetched.stdout.strip()
        folders = (ROOT / "build/valkey/root/usr/lib").glob("*")
        libraries = ":".join(str(folder) for folder in folders)
        products.append(Product("Valkey", path, {"LD_LIBRARY_PATH": libraries}))
    else:
        print("no valkey-server: the ratios to it are left out")
    if shutil.which("redis-server"):
        products.append(Product("Redis", shutil.which("redis-server")))
    else:
        print("no redis-server: the ratios to it are left out")
    return products


def free_port():
    for port in PORTS:
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise SystemExit(f"no free port in {PORTS}")


class Server:
    """A running server. `ask` speaks RESP on a connection of its own."""

    def __init__(self, product, arguments=(), cores=(SERVER_CORE,)):
        self.product = product
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="cairn-bench-")
        libc = ctypes.CDLL(None)

        def in_child():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cores)

        self.process = subprocess.Popen(
            [product.path, "--port", str(self.port), "--dir", self.folder.name, *COMMON,
             *arguments],
            env=product.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=in_child)
        self.pid = self.process.pid
        self.socket = None
        self.connect()

    def connect(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{self.product.path} does not start") from None
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def ask(self, *words):
        """One command; a bulk string or a line as text, an integer as int."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(str(w))}\r\n{w}\r\n" for w in words)
        self.socket.sendall(text.encode())
        got = self.socket.recv(65536)
        while not self.is_whole(got):
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit(f"{self.product.name} closed the connection after {words[0]}")
            got += more
        line, _, rest = got.partition(b"\r\n")
        if line[:1] == b"-":
            raise SystemExit(f"{self.product.name} answers {words}: {line.decode()}")
        if line[:1] == b":":
            return int(line[1:])
        return rest[:-2].decode() if line[:1] == b"$" else line[1:].decode()

    @staticmethod
    def is_whole(got):
        line, end, rest = got.partition(b"\r\n")
        if not end:
            return False
        return line[:1] != b"$" or len(rest) >= int(line[1:]) + 2

    def info(self, field):
        found = re.search(rf"^{field}:(\S+)", self.ask("INFO", "everything"), re.MULTILINE)
        return found.group(1) if found else None

    def cpu_ns(self):
        """Processor time of all threads so far."""
        return sum(int(task.read_text().split()[0])
                   for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"))

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def load(self, command, cores=(LOAD_CORE,), **options):
        """Runs the load generator on its core; its figures as a dictionary of numbers."""
        words = [str(BIN / "load"), "--port", str(self.port), "--pid", str(self.pid),
                 "--command", command]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        out = subprocess.run(["taskset", "-c", ",".join(map(str, cores)), *words],
                             capture_output=True,
                             text=True, timeout=540, check=False)
        if out.returncode != 0:
            raise SystemExit(f"{self.product.name}: {out.stderr.strip()}")
        return {name: float(value) for name, value in
                (pair.split("=") for pair in out.stdout.split())}


def cpu_model():
    return re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(),
                     re.MULTILINE).group(1)


def print_heading(products):
    """Everything measured says when, where and with what."""
    compiler = subprocess.run(["g++", "-dumpfullversion"],
                              capture_output=True, text=True, check=False)
    revision = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=False)
    load = pathlib.Path("/proc/loadavg").read_text().split()[0]
    print(f"date      {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, load average {load}")
    print(f"machine   {cpu_model()}, {os.cpu_count()} cores, Linux {os.uname().release}")
    print("versions  " + ", ".join(f"{p.name} {p.version}" for p in products) +
          f"; commit {revision.stdout.strip()}, g++ {compiler.stdout.strip()}")
