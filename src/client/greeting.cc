// SPDX-License-Identifier: BSD-3-Clause
// A server that does not know HELLO (Redis 5 and before) is spoken to in RESP2.
#include "client/greeting.h"

#include <utility>

#include "client/wire.h"

namespace cairn::client {
namespace {

using cache::Command;

std::vector<Command> Authentication(const Uri& uri) {
  if (uri.password.empty() && uri.user.empty()) return {};
  if (uri.user.empty()) return {Command("AUTH", uri.password)};
  return {Command("AUTH", uri.user, uri.password)};
}

bool IsNoHello(const cache::Error& error) {
  return error.server_code() == "NOPROTO" || error.detail.starts_with("ERR unknown command");
}

}  // namespace

Greeting::Greeting(const Uri& uri, std::vector<Command> extra)
    : authentication_(Authentication(uri)) {
  if (!uri.client_name.empty()) rest_.emplace_back("CLIENT", "SETNAME", uri.client_name);
  if (uri.db != 0) rest_.emplace_back("SELECT", uri.db);
  for (Command& command : extra) rest_.push_back(std::move(command));
  if (uri.protocol < 3) {
    SayRest(false);
  } else {
    SayHello(uri);
  }
}

void Greeting::SayHello(const Uri& uri) {
  Command hello("HELLO", 3);
  if (!authentication_.empty()) {
    hello.Add("AUTH").Add(uri.user.empty() ? "default" : uri.user).Add(uri.password);
  }
  hello_is_out_ = true;
  Say(hello);
}

void Greeting::SayRest(bool authenticated) {
  if (!authenticated) {
    for (const Command& command : authentication_) Say(command);
  }
  for (const Command& command : rest_) Say(command);
}

void Greeting::Say(const Command& command) {
  AppendCommand(command, &output_);
  ++awaits_;
}

std::string Greeting::TakeOutput() { return std::exchange(output_, {}); }

cache::Result<void> Greeting::OnReply(cache::Result<cache::Reply> reply) {
  --awaits_;
  if (!std::exchange(hello_is_out_, false)) {
    if (!reply) return Pass(std::move(reply));
    return {};
  }
  if (!reply && !IsNoHello(reply.error())) return Pass(std::move(reply));
  if (reply) protocol_ = 3;
  SayRest(reply.has_value());
  return {};
}

}  // namespace cairn::client
