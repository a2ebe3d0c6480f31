// SPDX-License-Identifier: BSD-3-Clause
// Blocking, step by step; each wait has the whole time, as a silent peer is found out either way.
#include "client/dial.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/greeting.h"
#include "client/sentinel.h"
#include "client/wire.h"

namespace cairn::client {
namespace {

using cache::Errc;
using cache::Fail;
using cache::Result;

constexpr int kKeepAliveSeconds = 60;
constexpr const char* kSystemAuthorities = "/etc/ssl/certs";

std::unexpected<cache::Error> Unreachable(const Endpoint& endpoint, std::string_view why) {
  return Fail(Errc::kUnreachable, endpoint.ToString() + ": " + std::string(why));
}

// An errno.
int AwaitReady(int fd, io::Interest interest, const Patience& patience, GivesUp gives_up) {
  const int left_ms = patience.LeftMs();
  return left_ms == 0 ? ETIMEDOUT : io::AwaitReady(fd, interest, left_ms, gives_up);
}

Result<std::unique_ptr<io::TlsLink>> BeginTls(const DialPlan& plan, const Endpoint& endpoint,
                                              int fd, GivesUp gives_up) {
  auto link = std::make_unique<io::TlsLink>(fd, plan.tls);
  if (plan.uri.verifies_name && !endpoint.host.empty()) link->ExpectHost(endpoint.host);
  const Patience patience(plan.timeout_ms);
  for (;;) {
    const io::Transfer step = link->Handshake();
    if (step.done()) return link;
    if (step.state != io::Transfer::State::kWouldBlock)
      return Unreachable(endpoint, "TLS: " + link->failure());
    if (const int error = AwaitReady(fd, link->awaited(), patience, gives_up))
      return Unreachable(endpoint, "TLS: the handshake: " + std::string(std::strerror(error)));
  }
}

}  // namespace

Result<void> Dialogue::Await(io::Interest interest) {
  const int error = AwaitReady(transport_.fd(), transport_.awaited(interest), patience_, gives_up_);
  if (error == 0) return {};
  return Fail(Errc::kUnreachable, std::strerror(error));
}

Result<void> Dialogue::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const io::Transfer sent = transport_.Write(bytes);
    if (sent.done()) {
      bytes.remove_prefix(sent.bytes);
    } else if (sent.state == io::Transfer::State::kWouldBlock) {
      if (Result<void> ready = Await(io::Interest::kWrite); !ready) return ready;
    } else {
      return Lost(sent);
    }
  }
  return {};
}

std::unexpected<cache::Error> Dialogue::Lost(const io::Transfer& transfer) const {
  if (!transport_.failure().empty())
    return Fail(Errc::kUnreachable, "TLS: " + std::string(transport_.failure()));
  if (transfer.state == io::Transfer::State::kFailed)
    return Fail(Errc::kUnreachable, std::strerror(transfer.error));
  std::string why = "the server closed the connection";
  if (!has_heard_ && !transport_.has_tls()) why += " without a word (does it speak TLS only?)";
  return Fail(Errc::kUnreachable, std::move(why));
}

Result<cache::Reply> Dialogue::Receive() {
  for (;;) {
    cache::Reply reply;
    const ReplyDecoder::Outcome outcome = decoder_.Next(input_, &reply);
    input_.erase(0, decoder_.consumed());
    // What the server tells by itself is no reply: taken for one, it would shift all that follow.
    if (outcome == ReplyDecoder::Outcome::kValue && reply.type() == cache::Reply::Type::kPush)
      continue;
    if (outcome == ReplyDecoder::Outcome::kValue) return AsResult(std::move(reply));
    if (outcome == ReplyDecoder::Outcome::kError)
      return Fail(Errc::kProtocol, std::string(decoder_.error()));
    // Also of who never lets us wait.
    if (patience_.LeftMs() == 0) return Fail(Errc::kUnreachable, std::strerror(ETIMEDOUT));
    char buffer[kReadBytes];
    const io::Transfer got = transport_.Read(buffer);
    if (got.done()) {
      input_.append(buffer, got.bytes);
      has_heard_ = true;
    } else if (got.state == io::Transfer::State::kWouldBlock) {
      if (Result<void> ready = Await(io::Interest::kRead); !ready) return Pass(std::move(ready));
    } else {
      return Lost(got);
    }
  }
}

Result<cache::Reply> Dialogue::Ask(const cache::Command& command) {
  std::string bytes;
  AppendCommand(command, &bytes);
  if (Result<void> sent = Send(bytes); !sent) return Pass(std::move(sent));
  return Receive();
}

Result<std::unique_ptr<Transport>> Connect(const DialPlan& plan, const Endpoint& endpoint,
                                           GivesUp gives_up) {
  cairn::Result<io::Fd> fd = endpoint.host.empty() ? io::ConnectUnix(endpoint.path)
                                                   : io::ConnectTcp(endpoint.host, endpoint.port,
                                                                    plan.timeout_ms, gives_up);
  if (!fd) return Fail(Errc::kUnreachable, std::string(fd.error().message()));
  io::SetBlocking(fd->get(), false);
  if (!endpoint.host.empty()) {
    io::SetNoDelay(fd->get());
    io::SetKeepAlive(fd->get(), kKeepAliveSeconds);
  }
  std::unique_ptr<io::TlsLink> tls;
  if (plan.tls != nullptr) {
    auto begun = BeginTls(plan, endpoint, fd->get(), gives_up);
    if (!begun) return Pass(std::move(begun));
    tls = *std::move(begun);
  }
  return std::make_unique<Transport>(*std::move(fd), std::move(tls));
}

Result<Dialed> Dial(const DialPlan& plan, GivesUp gives_up) {
  Endpoint endpoint = plan.endpoint;
  if (endpoint == Endpoint()) {
    endpoint = plan.uri.endpoints[0];
    if (plan.uri.kind == Uri::Kind::kSentinel) {
      auto found = FindMaster(plan, gives_up);
      if (!found) return Pass(std::move(found));
      endpoint = *std::move(found);
    }
  }
  auto transport = Connect(plan, endpoint, gives_up);
  if (!transport) return Pass(std::move(transport));
  Dialogue dialogue(**transport, plan.timeout_ms, gives_up);
  Greeting greeting(plan.uri, plan.extra);
  while (!greeting.is_done()) {
    Result<void> taken = dialogue.Send(greeting.TakeOutput());
    if (taken) taken = greeting.OnReply(dialogue.Receive());
    if (!taken) {
      taken.error().detail.insert(0, endpoint.ToString() + ": ");
      return Pass(std::move(taken));
    }
  }
  return Dialed{.transport = *std::move(transport),
                .endpoint = std::move(endpoint),
                .protocol = greeting.protocol(),
                .input = dialogue.TakeInput()};
}

Result<std::shared_ptr<const io::TlsContext>> MakeTlsContext(const Uri& uri) {
  if (!uri.tls) return nullptr;
  io::TlsSettings settings;
  settings.ca_cert_file = uri.ca_file;
  settings.ca_cert_dir = uri.ca_folder;
  std::error_code ignored;
  // OpenSSL looks into it only when it is asked for a certificate, and then says nothing of it.
  if (!uri.ca_folder.empty() && !std::filesystem::is_directory(uri.ca_folder, ignored))
    return Fail(Errc::kInvalid, "TLS: ca_dir is no folder: " + uri.ca_folder);
  if (uri.ca_file.empty() && uri.ca_folder.empty()) settings.ca_cert_dir = kSystemAuthorities;
  settings.cert_file = uri.cert_file;
  settings.key_file = uri.key_file;
  auto made = io::TlsContext::CreateForPeers(settings);
  if (!made) return Fail(Errc::kInvalid, "TLS: " + std::string(made.error().message()));
  return *std::move(made);
}

}  // namespace cairn::client
