// SPDX-License-Identifier: BSD-3-Clause
// Server processes as targets.
#include "compat/target.h"

#include <utility>

namespace cairn::compat {
namespace {

class ServerTarget final : public Target {
 public:
  ServerTarget(ServerKind kind, testing::ServerProcess::Options options)
      : kind_(kind), options_(std::move(options)) {}

  Result<std::unique_ptr<testing::Channel>> Open(int protocol) override {
    Result<std::unique_ptr<testing::Channel>> channel =
        options_.has_tls ? testing::ConnectTls(server_->tls_port())
                         : testing::ConnectTcp(server_->port());
    if (!channel || protocol == 2) return channel;
    Result<testing::Reply> hello = testing::Call(**channel, {"HELLO", std::to_string(protocol)});
    if (!hello) return std::unexpected(hello.error());
    if (hello->type == testing::ReplyType::kError) return Fail(StatusCode::kInvalid, hello->text);
    return channel;
  }

  bool Knows(testing::Channel& admin, const std::string& command) override {
    const Result<testing::Reply> reply = testing::Call(admin, {"COMMAND", "INFO", command});
    return reply && reply->items.size() == 1 && !IsNull(reply->items.front().type);
  }

  bool Healthy(std::string& why) override {
    if (server_->Alive()) return true;
    why = "the server died; it logged:\n" + server_->LogTail();
    return false;
  }

  Status Revive() override {
    Result<std::unique_ptr<testing::ServerProcess>> server =
        testing::ServerProcess::Start(options_);
    if (!server) return server.error();
    server_ = std::move(*server);
    return {};
  }

  std::string Close() override { return server_->StopAndExamine(); }

  bool is_oracle() const override { return kind_ == ServerKind::kOracle; }
  bool over_wire() const override { return true; }

 private:
  ServerKind kind_;
  testing::ServerProcess::Options options_;
  std::unique_ptr<testing::ServerProcess> server_;
};

}  // namespace

Result<std::unique_ptr<Target>> StartServer(ServerKind kind,
                                            testing::ServerProcess::Options options) {
  auto target = std::make_unique<ServerTarget>(kind, std::move(options));
  if (Status status = target->Revive(); !status.ok()) return std::unexpected(status);
  return target;
}

}  // namespace cairn::compat
