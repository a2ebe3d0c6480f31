// SPDX-License-Identifier: BSD-3-Clause
// The engine, its clock and its client, made and owned together.
#include "store/embedded_store.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "engine/engine.h"
#include "store/embedded_client.h"
#include "store/embedded_files.h"

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

cache::Capabilities EmbeddedCapabilities(std::string durability) {
  return {
      .kind = cache::Capabilities::Kind::kEmbedded,
      .version = {},
      .leases = true,
      .tags = true,
      .versions = true,
      .namespaces = true,
      .limits = true,
      .locks = true,
      .write_behind = true,
      .tracking = true,
      .hot_keys = true,
      .subscriptions = true,
      .waiting = true,
      .weaker = {"Messages stay within the store, and neither scripts nor transactions publish.",
                 "A near cache keeps nothing: the engine is as near.", std::move(durability)}};
}

struct Fsync {
  std::string_view name;
  persist::FsyncPolicy policy;
  const char* durability;
};
constexpr Fsync kFsyncs[] = {
    {"always", persist::FsyncPolicy::kAlways, "Each write waits for the disk."},
    {"everysec", persist::FsyncPolicy::kEverySecond,
     "A crash of the machine may lose the last second of writes."},
    {"no", persist::FsyncPolicy::kNo,
     "A crash of the machine may lose what its system has not written yet."},
};

// What stands behind "embedded:".
struct Place {
  std::string directory;  // empty: in memory
  const Fsync* fsync = &kFsyncs[1];
};

cache::Result<Place> ParsePlace(std::string_view text) {
  const std::size_t mark = std::min(text.find('?'), text.size());
  Place place{.directory = std::string(text.substr(0, mark))};
  std::string_view options = mark < text.size() ? text.substr(mark + 1) : std::string_view();
  while (!options.empty()) {
    const std::size_t end = std::min(options.find('&'), options.size());
    const std::string_view option = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    constexpr std::string_view kFsync = "fsync=";
    if (!option.starts_with(kFsync))
      return cache::Fail(
          cache::Errc::kInvalid,
          "an embedded store has the option fsync alone, not '" + std::string(option) + "'");
    const auto* const found =
        std::ranges::find(kFsyncs, option.substr(kFsync.size()), &Fsync::name);
    if (found == std::end(kFsyncs))
      return cache::Fail(cache::Errc::kInvalid, "fsync is always, everysec or no");
    place.fsync = found;
    if (place.directory.empty())
      return cache::Fail(cache::Errc::kInvalid, "fsync without a directory: 'embedded:DIR?fsync='");
  }
  return place;
}

class EmbeddedStore final : public cache::Store::Body {
 public:
  EmbeddedStore(const cache::StoreOptions& options, std::string durability)
      : Body(options),
        capabilities_(EmbeddedCapabilities(std::move(durability))),
        timeout_(options.timeout),
        engine_clock_(clock()),
        engine_(
            {.clock = options.clock != nullptr ? &engine_clock_ : nullptr, .with_keeper = false}) {}

  // Nothing: in memory. Once, before any call.
  cache::Result<void> Load(const Place& place) {
    std::unique_ptr<EmbeddedFiles> files;
    if (!place.directory.empty()) {
      auto opened = EmbeddedFiles::Open(engine_, {place.directory, place.fsync->policy});
      if (!opened) return Pass(std::move(opened));
      files = *std::move(opened);
    }
    client_.emplace(engine_, *this, timeout_, std::move(files));
    return {};
  }
  // The keeper's thread sleeps by the machine's clock.
  void StartKeeper() { engine_.keeper().Start(); }

  cache::Client& client() override { return *client_; }
  const cache::Capabilities& capabilities() const override { return capabilities_; }

 private:
  const cache::Capabilities capabilities_;
  const cache::Duration timeout_;
  EngineClock engine_clock_;
  engine::Engine engine_;
  std::optional<EmbeddedClient> client_;  // with the files, if there are any
};

}  // namespace

cache::Result<std::unique_ptr<cache::Store::Body>> OpenEmbedded(
    std::string_view path, const cache::StoreOptions& options) {
  const cache::Result<Place> place = ParsePlace(path);
  if (!place) return std::unexpected(place.error());
  const bool is_durable = !place->directory.empty();
  auto store = std::make_unique<EmbeddedStore>(
      options,
      is_durable ? place->fsync->durability : "The data set is gone with the last handle.");
  cache::Result<void> loaded = store->Load(*place);
  if (!loaded) return Pass(std::move(loaded));
  if (options.clock == nullptr) store->StartKeeper();
  return store;
}

}  // namespace cairn::store
