// SPDX-License-Identifier: BSD-3-Clause
// The handle, and the choice of a transport by the URI's scheme.
#include "cairn/store.h"

#include <cstdint>
#include <utility>

#include "base/text.h"
#include "client/own_thread.h"
#include "store/body.h"
#include "store/embedded_store.h"
#include "store/reaper.h"
#include "store/remote_store.h"

namespace cairn::cache {
namespace {

// A client that somebody else has made.
class GivenStore final : public Store::Body {
 public:
  GivenStore(std::shared_ptr<Client> client, Capabilities capabilities, const StoreOptions& options)
      : Body(options), client_(std::move(client)), capabilities_(std::move(capabilities)) {}

  Client& client() override { return *client_; }
  const Capabilities& capabilities() const override { return capabilities_; }

 private:
  const std::shared_ptr<Client> client_;  // shared with who made it
  const Capabilities capabilities_;
};

}  // namespace

Scheduler& Store::Body::scheduler() {
  if (given_scheduler_ != nullptr) return *given_scheduler_;
  const MutexLock hold(mutex_);
  if (own_scheduler_ == nullptr) own_scheduler_ = client::MakeOwnScheduler();
  return *own_scheduler_;
}

Scheduler& Store::Body::messages() {
  if (given_scheduler_ != nullptr) return *given_scheduler_;
  const MutexLock hold(mutex_);
  if (own_messages_ == nullptr) own_messages_ = client::MakeOwnScheduler();
  return *own_messages_;
}

void Store::Body::AwaitPosted() {
  const auto await = [](Event* done) {
    while (!done->WaitFor(INT64_MAX / 2)) {
    }
  };
  Event timers_done;
  Event messages_done;
  bool has_timers = false;
  bool has_messages = false;
  {
    const MutexLock hold(mutex_);
    has_timers = own_scheduler_ != nullptr;
    has_messages = own_messages_ != nullptr;
    if (has_timers) own_scheduler_->Post([&] { timers_done.Notify(); });
    if (has_messages) own_messages_->Post([&] { messages_done.Notify(); });
  }
  if (has_messages) await(&messages_done);
  if (has_timers) await(&timers_done);
}

Store::Store(std::unique_ptr<Body> body) : body_(body.release(), &store::Dispose) {}

Result<Store> Store::Open(std::string_view uri, StoreOptions options) {
  if (options.timeout <= Duration::zero())
    return Fail(Errc::kInvalid, "StoreOptions::timeout is not positive");
  const std::string_view scheme = uri.substr(0, uri.find(':'));
  if (EqualsIgnoreCase(scheme, "embedded") && scheme.size() < uri.size()) {
    auto body = store::OpenEmbedded(uri.substr(scheme.size() + 1), options);
    if (!body) return Pass(std::move(body));
    return Store(*std::move(body));
  }
  auto body = store::OpenRemote(uri, options);
  if (!body) return Pass(std::move(body));
  return Store(*std::move(body));
}

Store Store::Over(std::shared_ptr<Client> client, Capabilities capabilities, StoreOptions options) {
  return Store(std::make_unique<GivenStore>(std::move(client), std::move(capabilities), options));
}

Client& Store::client() const { return body_->client(); }
const Capabilities& Store::capabilities() const { return body_->capabilities(); }
const Clock& Store::clock() const { return body_->clock(); }
Scheduler& Store::scheduler() const { return body_->scheduler(); }

}  // namespace cairn::cache
