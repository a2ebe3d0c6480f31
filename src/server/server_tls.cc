// SPDX-License-Identifier: BSD-3-Clause
// TLS: the configuration made into a context, and what becomes of handshakes.
//
// A context is made anew at the start, when a directive changes and on SIGHUP or SIGUSR1, and is
// put in place as a whole when all of it is good; new connections take it, those that are there
// keep theirs.
#include <string>
#include <utility>

#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kReportsApartUs = 1'000'000;

io::ClientCertificate Wanted(TlsAuthClients configured) {
  switch (configured) {
    case TlsAuthClients::kNo:
      return io::ClientCertificate::kNotAsked;
    case TlsAuthClients::kYes:
      return io::ClientCertificate::kRequired;
    case TlsAuthClients::kOptional:
      return io::ClientCertificate::kOptional;
  }
  return io::ClientCertificate::kRequired;
}

io::TlsSettings SettingsOf(const Config& config) {
  return {.cert_file = config.Text("tls-cert-file"),
          .key_file = config.Text("tls-key-file"),
          .key_file_pass = config.Text("tls-key-file-pass"),
          .ca_cert_file = config.Text("tls-ca-cert-file"),
          .ca_cert_dir = config.Text("tls-ca-cert-dir"),
          .dh_params_file = config.Text("tls-dh-params-file"),
          .protocols = config.Text("tls-protocols"),
          .ciphers = config.Text("tls-ciphers"),
          .ciphersuites = config.Text("tls-ciphersuites"),
          .prefer_server_ciphers = config.Bool("tls-prefer-server-ciphers"),
          .session_caching = config.Bool("tls-session-caching"),
          .session_cache_size = config.Int("tls-session-cache-size"),
          .session_cache_timeout_s = config.Int("tls-session-cache-timeout")};
}

Result<std::shared_ptr<const io::TlsContext>> MakeContext(const Config& config) {
  const io::TlsSettings settings = SettingsOf(config);
  if (settings.cert_file.empty()) return Fail(StatusCode::kInvalid, "No tls-cert-file configured!");
  if (settings.key_file.empty()) return Fail(StatusCode::kInvalid, "No tls-key-file configured!");
  const bool asks = config.Choice<TlsAuthClients>("tls-auth-clients") != TlsAuthClients::kNo ||
                    config.Bool("tls-cluster") || config.Bool("tls-replication");
  if (asks && settings.ca_cert_file.empty() && settings.ca_cert_dir.empty()) {
    return Fail(StatusCode::kInvalid,
                "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, "
                "tls-replication or tls-auth-clients are enabled!");
  }
  return io::TlsContext::Create(settings);
}

bool SpeaksTlsToPeers(const Config& config) {
  return config.Bool("tls-cluster") || config.Bool("tls-replication");
}

bool SpeaksTls(const Config& config) {
  return config.Int("tls-port") != 0 || SpeaksTlsToPeers(config);
}

// With a certificate of their own, if there is one; else with the server's, which clients see.
Result<std::shared_ptr<const io::TlsContext>> MakePeerContext(const Config& config) {
  io::TlsSettings settings = SettingsOf(config);
  if (!config.Text("tls-client-cert-file").empty() && !config.Text("tls-client-key-file").empty()) {
    settings.cert_file = config.Text("tls-client-cert-file");
    settings.key_file = config.Text("tls-client-key-file");
    settings.key_file_pass = config.Text("tls-client-key-file-pass");
  }
  return io::TlsContext::CreateForPeers(settings);
}

}  // namespace

Status Server::LoadTls() {
  if (!SpeaksTls(config_)) return {};
  Result<std::shared_ptr<const io::TlsContext>> made = MakeContext(config_);
  Result<std::shared_ptr<const io::TlsContext>> for_peers = nullptr;
  if (made && SpeaksTlsToPeers(config_)) for_peers = MakePeerContext(config_);
  if (!made || !for_peers) {
    log_.Warning((made ? for_peers : made).error().message());
    return {StatusCode::kInvalid, "Failed to configure TLS. Check logs for more info."};
  }
  MutexLock hold(tls_mu_);
  tls_context_ = *std::move(made);
  tls_peer_context_ = *std::move(for_peers);
  return {};
}

std::shared_ptr<const io::TlsContext> Server::ClusterPeers::TlsOfCluster() {
  if (!server_.config_.Bool("tls-cluster")) return nullptr;
  MutexLock hold(server_.tls_mu_);
  return server_.tls_peer_context_;
}

// SIGHUP: files of the same names may hold something else now.
void Server::ReloadTls() {
  if (!SpeaksTls(config_)) return;
  if (const Status loaded = LoadTls(); loaded.ok()) {
    log_.Notice("TLS configuration loaded again");
  } else {
    log_.Warning("The TLS configuration stays what it was");
  }
}

void Server::WireTlsConfig() {
  const auto reload = [this](const Config&) -> Status {
    if (LoadTls().ok()) return {};
    return {StatusCode::kInvalid, "Unable to update TLS configuration. Check server logs."};
  };
  for (const ConfigId id :
       {ConfigId("tls-cert-file"), ConfigId("tls-key-file"), ConfigId("tls-key-file-pass"),
        ConfigId("tls-ca-cert-file"), ConfigId("tls-ca-cert-dir"), ConfigId("tls-dh-params-file"),
        ConfigId("tls-protocols"), ConfigId("tls-ciphers"), ConfigId("tls-ciphersuites"),
        ConfigId("tls-prefer-server-ciphers"), ConfigId("tls-session-caching"),
        ConfigId("tls-session-cache-size"), ConfigId("tls-session-cache-timeout"),
        ConfigId("tls-client-cert-file"), ConfigId("tls-client-key-file"),
        ConfigId("tls-client-key-file-pass"), ConfigId("tls-cluster"), ConfigId("tls-replication"),
        ConfigId("tls-port")}) {
    config_.OnChange(id, reload);
  }
  config_.OnChange("tls-port", [this](const Config&) {
    return ListenAgain(&Server::ListenTls, "Unable to listen on this port. Check server logs.");
  });
}

Status Server::ListenTls() {
  tls_listeners_.clear();
  return ListenOn(config_.Int("tls-port"), io::Spoken::kTls, &tls_listeners_);
}

std::unique_ptr<io::TlsStream> Server::MakeTlsStream(io::Fd socket, io::EventLoop& loop) {
  std::shared_ptr<const io::TlsContext> context;
  {
    MutexLock hold(tls_mu_);
    context = tls_context_;
  }
  return std::make_unique<io::TlsStream>(
      std::move(socket), loop, std::move(context),
      Wanted(config_.Choice<TlsAuthClients>("tls-auth-clients")));
}

void Server::NoteHandshakeFailed(const io::PeerInfo& peer, std::string_view why) {
  open_connections_.Add(-1);
  const std::string text = "Error accepting a client connection: " + std::string(why) +
                           " (addr=" + peer.address + " laddr=" + peer.local_address + ")";
  // Junk may come in any quantity, and the log shall stay one that is read.
  if (tls_reported_.IsDue(engine_.clock().NowMonotonicUs(), kReportsApartUs)) {
    log_.Warning(text);
  } else {
    log_.Verbose(text);
  }
}

// A name that is no user's leaves the client as it is: it may still use AUTH.
void Server::LogInByCertificate(Connection& connection, std::string_view common_name) {
  const auto by = config_.Choice<TlsAuthClientsUser>("tls-auth-clients-user");
  if (by == TlsAuthClientsUser::kOff || common_name.empty()) return;
  if (std::shared_ptr<command::User> user = access_.users().Trusted(common_name))
    return connection.BecomeUser(std::move(user));
  log_.Verbose("TLS: no user has the certificate's name '" + std::string(common_name) + "'");
}

// What TLS clients send first: a record of a handshake, version 3.
bool Server::IsClientHello(std::string_view input) { return input.starts_with("\x16\x03"); }

void Server::ReportTlsOnPlain(ClientInfo& info) {
  if (!tls_on_plain_reported_.IsDue(engine_.clock().NowMonotonicUs(), kReportsApartUs)) return;
  log_.Warning("A client speaks TLS on a port without it. Connection from " + AddressOf(info) +
               " aborted.");
}

}  // namespace cairn::server
