# SPDX-License-Identifier: BSD-3-Clause
"""Certificates, made by openssl, and servers and clients that use them.

They live in a folder that goes with the program.
"""

import atexit
import os
import shutil
import signal
import ssl
import subprocess
import tempfile

from harness import Client, NextPort, Server, needs, wait_for

OPENSSL = shutil.which("openssl")


class Papers:
    """An authority, certificates it has given, and one that another authority has."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cairn-tls-", dir=os.environ.get("CAIRN_TMP"))
        self.authority("ca")
        self.authority("stranger")
        self.give("server", "localhost")
        self.give("second", "second")
        self.give("client", "default")
        self.give("nobody", "nobody")
        self.give("foreign", "default", by="stranger")
        self.openssl("ec", "-in", self.key("server"), "-aes256", "-passout", "pass:open sesame",
                     "-out", self.key("locked"))

    def path(self, name):
        return f"{self.folder}/{name}"

    def cert(self, name):
        return self.path(name + ".crt")

    def key(self, name):
        return self.path(name + ".key")

    @staticmethod
    def openssl(*words):
        subprocess.run([OPENSSL, *words], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key(name),
                     "-out", self.cert(name))

    def give(self, name, common_name, by="ca"):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={common_name}", "-keyout", self.key(name),
                     "-out", self.path(name + ".csr"))
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.cert(by),
                     "-CAkey", self.key(by), "-CAcreateserial", "-days", "2",
                     "-out", self.cert(name))


PAPERS = Papers() if OPENSSL else None
if PAPERS:
    atexit.register(shutil.rmtree, PAPERS.folder, True)


def context(authority="ca", identity=None, low=None, high=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(PAPERS.cert(authority))
    if identity:
        made.load_cert_chain(PAPERS.cert(identity), PAPERS.key(identity))
    if low:
        made.minimum_version = low
    if high:
        made.maximum_version = high
    return made


class TlsClient(Client):
    """The same as Client, encrypted."""

    def __init__(self, port, made=None, session=None, **more):
        super().__init__(port, **more)
        self.file.close()
        plain = self.socket
        try:
            self.socket = (made or context()).wrap_socket(plain, session=session)
        except BaseException:
            plain.close()
            raise
        self.file = self.socket.makefile("rb")


class TlsServer(Server):
    """A server with a plain port, to look at it from aside, and one with TLS."""

    def __init__(self, *options, cert="server", key=None, **more):
        needs(OPENSSL, "openssl")
        self.tls_port = NextPort.take()
        super().__init__("--tls-port", self.tls_port, "--tls-cert-file", PAPERS.cert(cert),
                         "--tls-key-file", PAPERS.key(key or cert), "--tls-ca-cert-file",
                         PAPERS.cert("ca"), "--tls-auth-clients", "no", *options, **more)

    def tls(self, *args, **more):
        return TlsClient(self.tls_port, *args, **more)

    def set(self, *words):
        with self.client() as client:
            return client.call("CONFIG", "SET", *words)

    def reload(self, number=signal.SIGHUP, says="TLS configuration loaded again"):
        before = self.log().count(says)
        self.process.send_signal(number)
        wait_for(lambda: self.log().count(says) > before, says)
