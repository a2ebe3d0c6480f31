// SPDX-License-Identifier: BSD-3-Clause
// Rows of the configuration: sockets, protocol limits, clients, commands guarded or slow, TLS.
#ifndef CAIRN_SERVER_CONFIG_ROWS_NETWORK_H_
#define CAIRN_SERVER_CONFIG_ROWS_NETWORK_H_

#include "server/config_row.h"

namespace cairn::server::rows {

inline constexpr ConfigRow kNetworkRows[] = {
    // Sockets.
    Row("bind", "* -::*", ConfigKind::kAddresses)
        .Applied()
        .Does("addresses to listen on, at most 16; a leading - means: skip if it is not there"),
    Integer("port", "6379", {0, 65535}).Applied().Does("TCP port; 0 for none"),
    Bool("protected-mode", "yes")
        .Applied()
        .Does("without password and bind, refuse connections from other machines"),
    Integer("tcp-backlog", "511", {0, kInt32Max})
        .Immutable()
        .Applied()
        .Does("connections that may wait in the kernel to be accepted"),
    Text("unixsocket", "").Immutable().DropsEmpty().Applied().Does("path of a Unix socket"),
    Row("unixsocketperm", "0", ConfigKind::kOctal)
        .Within({0, 0777})
        .Immutable()
        .Applied()
        .Does("permissions of the Unix socket, octal; 0 leaves them to the umask"),
    Integer("timeout", "0", {0, kInt32Max})
        .Applied()
        .Does("close a client that was idle for so many seconds; 0 never"),
    Integer("tcp-keepalive", "300", {0, kInt32Max})
        .Applied()
        .Does("seconds of silence before the kernel probes a connection; 0 never"),
    Text("bind-source-addr", "").DropsEmpty().Does("local address for connections we open"),
    Integer("socket-mark-id", "0", {0, kUint32Max})
        .Immutable()
        .Does("routing mark put on the listening sockets"),

    // Protocol and clients.
    Integer("maxclients", "10000", {1, kUint32Max}).Applied().Does("clients connected at once"),
    Memory("proto-max-bulk-len", "512mb", {1 << 20, kInt64Max})
        .Applied()
        .Does("longest argument and longest string value"),
    Memory("client-query-buffer-limit", "1gb", {1 << 20, kInt64Max})
        .Applied()
        .Does("bytes of unfinished requests held for one client"),
    Row("client-output-buffer-limit", "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
        ConfigKind::kOutputLimits)
        .Applied()
        .Does("per class of client: hard limit, soft limit, seconds above the soft limit"),
    Row("maxmemory-clients", "0", ConfigKind::kMemoryOfLimit)
        .Within({-100, kInt64Max})
        .Applied()
        .Does(
            "memory of all client buffers together, in bytes or percent of maxmemory; 0 no limit"),
    Integer("tracking-table-max-keys", "1000000", {0, kInt64Max})
        .Applied()
        .Does("keys remembered for client side caching; 0 no limit"),

    // Passwords and guarded commands.
    Text("requirepass", "").Secret().DropsEmpty().Applied().Does("password of the default user"),
    Text("aclfile", "").Immutable().Applied().Does("file of ACL users"),
    Integer("acllog-max-len", "128", {0, kInt64Max}).Applied().Does("entries of ACL LOG"),
    Choice("acl-pubsub-default", "resetchannels", kAclPubsubDefaults)
        .Applied()
        .Does("channels a new ACL user may use"),
    Choice("enable-protected-configs", "no", kProtectedActions)
        .Immutable()
        .Applied()
        .Does("who may CONFIG SET dir and dbfilename"),
    Choice("enable-debug-command", "no", kProtectedActions)
        .Immutable()
        .Applied()
        .Does("who may use DEBUG"),
    Choice("enable-module-command", "no", kProtectedActions)
        .Immutable()
        .Applied()
        .Does("who may use MODULE LOAD, LOADEX and UNLOAD, of which Cairn loads none"),

    // Workers.
    Integer("io-threads", "1", {1, 128})
        .Immutable()
        .Applied()
        .Does("worker threads; the default is the number of cores this process may use"),
    Bool("io-threads-do-reads", "no")
        .Immutable()
        .Ignored()
        .Does("every worker reads, runs commands and writes"),
    Integer("cairn-stripes", "256", {1, 256})
        .PowerOfTwo()
        .Immutable()
        .Applied()
        .Does("independently locked parts of the keyspace; a power of two"),
};

inline constexpr ConfigRow kTlsRows[] = {
    Integer("tls-port", "0", {0, 65535}).Applied().Does("TCP port for TLS; 0 for none"),
    Integer("tls-session-cache-size", "20480", {0, kInt32Max})
        .Applied()
        .Does("TLS sessions remembered; 0 for as many as there are"),
    Integer("tls-session-cache-timeout", "300", {0, kInt32Max})
        .Applied()
        .Does("seconds a TLS session is remembered"),
    Bool("tls-cluster", "no").Applied().Does("TLS to MIGRATE's targets"),
    Bool("tls-replication", "no").Does("TLS to the primary"),
    Choice("tls-auth-clients", "yes", kTlsAuthClients)
        .Applied()
        .Does("ask clients for a certificate: of new connections"),
    Choice("tls-auth-clients-user", "off", kTlsAuthClientsUsers)
        .Applied()
        .Does("CN: a client is the user whose name its certificate has, if there is one"),
    Bool("tls-prefer-server-ciphers", "no").Applied().Does("the server's order of ciphers counts"),
    Bool("tls-session-caching", "yes").Applied().Does("let TLS sessions be resumed"),
    Text("tls-cert-file", "").DropsEmpty().Applied().Does("certificate, PEM, with its chain"),
    Text("tls-key-file", "").DropsEmpty().Applied().Does("private key, PEM"),
    Text("tls-key-file-pass", "")
        .Secret()
        .DropsEmpty()
        .Applied()
        .Does("pass phrase of the private key"),
    Text("tls-client-cert-file", "")
        .DropsEmpty()
        .Applied()
        .Does("certificate for connections we open; without it the server's"),
    Text("tls-client-key-file", "")
        .DropsEmpty()
        .Applied()
        .Does("private key for connections we open"),
    Text("tls-client-key-file-pass", "")
        .Secret()
        .DropsEmpty()
        .Applied()
        .Does("pass phrase of the private key for connections we open"),
    Text("tls-dh-params-file", "")
        .DropsEmpty()
        .Applied()
        .Does("Diffie-Hellman parameters; without it OpenSSL's own"),
    Text("tls-ca-cert-file", "")
        .DropsEmpty()
        .Applied()
        .Does("certificates of the authorities we trust"),
    Text("tls-ca-cert-dir", "").DropsEmpty().Applied().Does("folder of such certificates"),
    Text("tls-protocols", "")
        .DropsEmpty()
        .Applied()
        .Does("TLS versions allowed, as TLSv1.2; without it 1.2 and 1.3"),
    Text("tls-ciphers", "").DropsEmpty().Applied().Does("ciphers up to TLS 1.2"),
    Text("tls-ciphersuites", "").DropsEmpty().Applied().Does("ciphers of TLS 1.3"),
};

}  // namespace cairn::server::rows

#endif  // CAIRN_SERVER_CONFIG_ROWS_NETWORK_H_
