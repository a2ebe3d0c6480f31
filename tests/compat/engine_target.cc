// SPDX-License-Identifier: BSD-3-Clause
// The engine as a target: an embedded session is a channel whose reply is there as soon as the
// command was sent.
#include <utility>

#include "compat/target.h"
#include "engine/engine.h"

namespace cairn::compat {
namespace {

class SessionChannel final : public testing::Channel {
 public:
  explicit SessionChannel(std::unique_ptr<engine::EmbeddedSession> session)
      : session_(std::move(session)) {}

  Status SendBytes(std::string_view) override {
    return {StatusCode::kUnsupported, "no wire to a session"};
  }

  Status SendCommand(const std::vector<std::string>& args) override {
    const std::vector<std::string_view> views(args.begin(), args.end());
    replies_ += session_->Execute(views);
    return {};
  }

  Result<std::optional<testing::Reply>> Receive(int) override {
    if (replies_.empty()) return std::nullopt;
    Result<std::optional<testing::Decoded>> decoded = testing::DecodeReply(replies_);
    if (!decoded) return std::unexpected(decoded.error());
    if (!*decoded) return Fail(StatusCode::kCorrupt, "half a reply");
    replies_.erase(0, (*decoded)->size);
    return std::move((*decoded)->reply);
  }

 private:
  std::unique_ptr<engine::EmbeddedSession> session_;
  std::string replies_;
};

class EngineTarget final : public Target {
 public:
  explicit EngineTarget(std::size_t stripe_count) : engine_({.stripe_count = stripe_count}) {}

  Result<std::unique_ptr<testing::Channel>> Open(int protocol) override {
    std::unique_ptr<engine::EmbeddedSession> session = engine_.NewSession();
    session->set_protocol(protocol);
    return std::make_unique<SessionChannel>(std::move(session));
  }
  bool Knows(testing::Channel&, const std::string& command) override {
    return engine_.table().Find(command) != nullptr;
  }
  bool Healthy(std::string&) override { return true; }
  Status Revive() override { return {}; }
  std::string Close() override { return {}; }
  bool is_oracle() const override { return false; }
  bool over_wire() const override { return false; }

 private:
  engine::Engine engine_;
};

}  // namespace

std::unique_ptr<Target> StartEngine(std::size_t stripe_count) {
  return std::make_unique<EngineTarget>(stripe_count);
}

}  // namespace cairn::compat
