# SPDX-License-Identifier: BSD-3-Clause
"""What the test scripts in Python share: a server of their own, a raw connection, a list of cases.

A script makes a Suite, adds functions with @suite.case, and ends with suite.main(), which prints
`N passed, N failed` as its last line. A word of the command line that no case has in its name is
an error, and runs nothing. Every case runs whatever the ones before it did; a case
fails by an exception, most often an AssertionError from check() or equal(). One that cannot be
tried here says so by needs(): it has neither passed nor failed, and `, N skipped` counts it.

With CAIRN_TLS=1 in the environment all servers speak TLS on their port, and nothing else, and so
do the clients: whatever a script tries is tried through it.

Nothing here sleeps and hopes: wait_for() asks a condition again and again, to a deadline. Every
server is ended by its pid when its `with` block ends; every read from a socket has a deadline.
"""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = str(pathlib.Path(os.environ.get("CAIRN_BIN", ROOT / "build/release/bin")).resolve()
             / "cairn-server")
ORACLE = shutil.which("redis-server")
PORT_BASE = int(os.environ.get("CAIRN_PORT", "21900"))
# Under a sanitizer everything is slower, and resident memory says nothing.
SANITIZED = bool(re.search(rb"__[at]san_init", pathlib.Path(BINARY).read_bytes()))
# Of one reply, one start, one condition; the machine may be busy.
SECONDS_MAX = 200.0 if SANITIZED else 20.0
PORTS = 100


class Tls:
    """The certificate of this run, which vouches for itself, and what speaks with it."""

    wanted = os.environ.get("CAIRN_TLS") == "1"
    folder = None

    @classmethod
    def options(cls, port):
        if not cls.folder:
            cls.folder = tempfile.mkdtemp(prefix="cairn-py-", dir=os.environ.get("CAIRN_TMP"))
            atexit.register(shutil.rmtree, cls.folder, True)
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                            "-keyout", f"{cls.folder}/key", "-out", f"{cls.folder}/cert"],
                           check=True, capture_output=True)
        return ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no",
                "--tls-cert-file", f"{cls.folder}/cert", "--tls-key-file", f"{cls.folder}/key",
                "--tls-ca-cert-file", f"{cls.folder}/cert"]

    @classmethod
    def wrap(cls, plain):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(f"{cls.folder}/cert")
        try:
            return context.wrap_socket(plain)
        except ssl.SSLError as error:  # closed before it began
            raise ConnectionError(str(error)) from error


def valkey_binary():
    fetched = ROOT / "build/valkey/root/usr/bin/valkey-server"
    candidates = [os.environ.get("VALKEY_SERVER"), shutil.which("valkey-server"),
                  str(fetched) if fetched.exists() else None]
    return next((path for path in candidates if path), None)


class NextPort:
    """The ports of this script, one after the other, around. Another script that was given the same
    ones, at the same time, gets others: a port that nobody listens on may be meant for a server
    that is about to come up, or for none."""

    used = 0
    mine = {}

    @classmethod
    def reserve(cls, port):
        """Until this process ends, by a name that only one can have."""
        if port in cls.mine:
            return True
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0cairn-test-port-{port}")
        except OSError:
            name.close()
            return False
        cls.mine[port] = name
        return True

    @classmethod
    def take(cls):
        for _ in range(PORTS):
            # Half of them are enough to go around, and leave some to the other.
            ports = list(cls.mine) if len(cls.mine) >= PORTS // 2 else range(
                PORT_BASE, PORT_BASE + PORTS)
            port = ports[cls.used % len(ports)]
            cls.used += 1
            if not cls.reserve(port):
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise RuntimeError("no port is free")


def needs_plain(what):
    """For cases about what TLS does otherwise."""
    needs(not Tls.wanted, f"a connection without TLS: {what}")


class ServerError(str):
    """An error reply; never equal to an ordinary text."""

    def __eq__(self, other):
        return isinstance(other, ServerError) and str.__eq__(self, other)

    __hash__ = str.__hash__


class LeftOut(Exception):
    """A case that cannot be tried here, and what it needs."""


def needs(truth, what):
    """Ends the case, and leaves it out, unless that is there."""
    if not truth:
        raise LeftOut(what)


def check(truth, what=""):
    if not truth:
        raise AssertionError(what or "is not so")


def equal(got, wanted, what=""):
    if got != wanted or isinstance(got, ServerError) != isinstance(wanted, ServerError):
        raise AssertionError(f"{what}: got {shorten(got)}, wanted {shorten(wanted)}")


def shorten(value):
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:400]} ... {text[-200:]}"


def wait_for(condition, what, seconds=SECONDS_MAX):
    """The first true answer of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def wait_info(server, field, value, section="persistence"):
    wait_for(lambda: server.info(section).get(field) == value, f"{field}:{value}")


@contextlib.contextmanager
def folder():
    """One of this test's own, which goes with the `with` block."""
    path = tempfile.mkdtemp(prefix="cairn-py-", dir=os.environ.get("CAIRN_TMP"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def frame(*words):
    """A command as a client sends it."""
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client:
    """A connection that speaks RESP2, and anything else it is told to send."""

    def __init__(self, where, seconds=SECONDS_MAX, receive_bytes=None):
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
            where_to = where
        else:
            host, port = where if isinstance(where, tuple) else ("127.0.0.1", where)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.socket = socket.socket(family)
            where_to = (host, port)
        if receive_bytes:  # before connecting, or it does not count
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(seconds)
        self.socket.connect(where_to)
        if Tls.folder and self.socket.family != socket.AF_UNIX:
            self.socket = Tls.wrap(self.socket)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except ssl.SSLError as error:
            raise ConnectionError(str(error)) from error

    def call(self, *words):
        self.send(frame(*words))
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode(errors="replace")
        if kind == b"-":
            return ServerError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise ValueError(f"no RESP2: {line!r}")

    def rest(self):
        """All bytes until the server closes; a reset counts as closing."""
        data = b""
        try:
            while part := self.file.read1(1 << 20):
                data += part
        except ConnectionError:
            pass
        return data

    def is_closed(self):
        """Whether the server has closed, asked without waiting. REQUIRES: no reply is pending."""
        self.socket.settimeout(0)
        try:
            return self.socket.recv(1, *([] if Tls.folder else [socket.MSG_PEEK])) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except ConnectionError:
            return True
        finally:
            self.socket.settimeout(SECONDS_MAX)


class Server:
    """A server of this test's own. It stands on one port of 127.0.0.1 and in one folder, which goes
    with it, unless it was given one."""

    def __init__(self, *options, binary=BINARY, port=None, wait=True, words=(), stdin=None,
                 folder=None):
        self.port = port or NextPort.take()
        self.owns_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="cairn-py-",
                                                 dir=os.environ.get("CAIRN_TMP"))
        self.log_path = f"{self.folder}/out"
        port_options = Tls.options(self.port) if Tls.wanted else ["--port", str(self.port)]
        command = [binary, *words, *port_options, "--dir", self.folder]
        if "--save" not in options:
            command += ["--save", ""]
        command += [str(option) for option in options]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        if stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.stop()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def wait_log(self, text):
        """What a client sees may be there before what is logged about it."""
        wait_for(lambda: text in self.log(), f"'{text}' in the log")

    def wait_ready(self):
        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once: {self.log()[-2000:]}")
            return "Ready to accept connections" in self.log() or self.answers()
        wait_for(up, "the server to come up")

    def answers(self):
        try:
            with Client(self.port) as client:
                # Any other error is an answer.
                return not str(client.call("PING")).startswith("LOADING")
        except (OSError, ConnectionError):
            return False

    def client(self, **more):
        return Client(self.port, **more)

    def info(self, section="everything", password=None):
        with self.client() as client:
            if password:
                client.call("AUTH", password)
            text = client.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def wait_alone(self, client):
        """Until `client` is all the server has: it need not have noticed yet that others, such as
        who asked whether it is up, have gone."""
        wait_for(lambda: b"connected_clients:1\r\n" in client.call("INFO", "clients"),
                 "the other clients to be gone")

    def connected_clients(self):
        """Without the one that asks."""
        return int(self.info("clients")["connected_clients"]) - 1

    def rss(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def check_growth(self, before, bytes_max):
        """That no more than `bytes_max` came to what rss() was before."""
        grown = self.rss() - before
        check(SANITIZED or grown < bytes_max, f"{grown} bytes more, {bytes_max} are allowed")

    def is_alive(self):
        return self.process.poll() is None

    def terminate(self, number=signal.SIGTERM, seconds=SECONDS_MAX):
        """The exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class Suite:
    """A list of cases and their verdict.

    A case of another program's making returns its own list of (name, complaint or None).
    """

    def __init__(self):
        self.cases = []

    def case(self, function):
        self.cases.append((function.__name__, function))
        return function

    def table(self, name, rows):
        """One case a row: @suite.table("Name", {"row": (...), ...}) calls the function with it."""
        def add(function):
            for label, row in rows.items():
                self.cases.append((f"{name}.{label}", lambda r=row: function(*r)))
            return function
        return add

    @staticmethod
    def run(name, function):
        """The verdicts of one case. What fails on a thread that it has started is its failure."""
        failures = []
        threading.excepthook = failures.append
        verdicts = function() or [(name, None)]
        for failure in failures:
            raise AssertionError(f"{failure.thread.name}: {failure.exc_type.__name__}: "
                                 f"{failure.exc_value}")
        return verdicts

    def complaint_about(self, wanted):
        """Which of the words are in no case's name, and the names there are."""
        lost = [part for part in wanted if not any(part in name for name, _ in self.cases)]
        if not lost:
            return ""
        return (f"no case has {' or '.join(map(repr, lost))} in its name; the cases are:\n"
                + "".join(f"  {name}\n" for name, _ in self.cases))

    def main(self):
        """Runs all, or those with an argument of the command line in their name."""
        wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
        if complaint := self.complaint_about(wanted):
            print(f"{complaint}0 passed, 0 failed")
            sys.exit(2)
        passed = failed = skipped = 0
        for name, function in self.cases:
            if wanted and not any(part in name for part in wanted):
                continue
            started = time.monotonic()
            try:
                inner = self.run(name, function)
                for label, complaint in inner:
                    if complaint:
                        print(f"FAIL {label}: {complaint}")
                failed += sum(1 for _, complaint in inner if complaint)
                passed += sum(1 for _, complaint in inner if not complaint)
            except LeftOut as what:
                skipped += 1
                print(f"left out {name}: it needs {what}")
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"FAIL {name}: {type(error).__name__}: {error}")
                if not isinstance(error, AssertionError) or not str(error):
                    traceback.print_exc(file=sys.stdout)
            if "-v" in sys.argv:
                print(f"  {name} {time.monotonic() - started:.2f} s")
            sys.stdout.flush()
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        sys.exit(1 if failed or not passed + skipped else 0)
