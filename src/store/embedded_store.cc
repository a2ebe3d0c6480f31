// SPDX-License-Identifier: BSD-3-Clause
// The engine, its clock and its client, made and owned together.
#include "store/embedded_store.h"

#include <chrono>

#include "base/clock.h"
#include "engine/engine.h"
#include "store/embedded_client.h"

namespace cairn::store {
namespace {

// The engine's view of a clock of the toolkit.
class EngineClock final : public cairn::Clock {
 public:
  explicit EngineClock(const cache::Clock& clock) : clock_(clock) {}
  std::int64_t NowUnixUs() const override {
    return std::chrono::microseconds(clock_.UnixNow().time_since_epoch()).count();
  }
  MonotonicUs NowMonotonicUs() const override {
    return std::chrono::floor<std::chrono::microseconds>(clock_.Now().time_since_epoch()).count();
  }

 private:
  const cache::Clock& clock_;
};

cache::Capabilities EmbeddedCapabilities() {
  return {.kind = cache::Capabilities::Kind::kEmbedded,
          .version = {},
          .leases = true,
          .tags = true,
          .versions = true,
          .namespaces = true,
          .limits = true,
          .locks = true,
          .write_behind = true,
          .tracking = false,
          .subscriptions = false,
          .waiting = true,
          .weaker = {"There are no subscriptions and no tracking; a near cache is not needed.",
                     "The data set is gone with the last handle."}};
}

class EmbeddedStore final : public cache::Store::Body {
 public:
  explicit EmbeddedStore(const cache::StoreOptions& options)
      : Body(options),
        engine_clock_(clock()),
        engine_({.clock = options.clock != nullptr ? &engine_clock_ : nullptr,
                 // Its thread sleeps by the machine's clock.
                 .with_keeper = options.clock == nullptr}),
        client_(engine_, *this, options.timeout) {}

  cache::Client& client() override { return client_; }
  const cache::Capabilities& capabilities() const override { return capabilities_; }

 private:
  const cache::Capabilities capabilities_ = EmbeddedCapabilities();
  EngineClock engine_clock_;
  engine::Engine engine_;
  EmbeddedClient client_;
};

}  // namespace

cache::Result<std::shared_ptr<cache::Store::Body>> OpenEmbedded(
    std::string_view path, const cache::StoreOptions& options) {
  if (!path.empty())
    return cache::Fail(cache::Errc::kUnsupported, "an embedded store is in memory: 'embedded:'");
  return std::make_shared<EmbeddedStore>(options);
}

}  // namespace cairn::store
