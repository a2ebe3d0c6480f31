// SPDX-License-Identifier: BSD-3-Clause
// Warming up, over every kind of store. Two handles of a store stand for two processes, which have
// joined no load of one another's.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread.h"
#include "cairn/cache.h"
#include "cairn/warmer.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

using ItemKey = Key<"warmcheck:*:*", std::string, std::int64_t>;
using Items = TypedCache<std::string, ItemKey>;
using Values = Result<std::vector<std::optional<std::string>>>;

constexpr std::int64_t kItems = 60;

class Catalogue {
 public:
  explicit Catalogue(const std::string& uri) {
    stores_.push_back(OpenOrDie(uri));
    stores_.push_back(uri.starts_with("embedded") ? stores_[0] : OpenOrDie(uri));
  }
  const Store& store(std::size_t process) const { return stores_[process]; }
  // Whoever waits for another's load has time for it.
  Items Make(std::size_t process) const {
    return Items(stores_[process], {.policy = {.ttl = 1h, .lease = 600s, .wait_max = 600s}});
  }
  ItemKey At(std::int64_t n) const { return {run_, n}; }
  auto Keys() const {
    return [this, n = std::int64_t{0}]() mutable -> std::optional<ItemKey> {
      if (n == kItems) return std::nullopt;
      return At(n++);
    };
  }
  auto Loader() {
    return [this](BulkContext<ItemKey>& context) -> Values {
      loads += static_cast<std::int64_t>(context.keys.size());
      // One of them is nowhere.
      std::vector<std::optional<std::string>> values;
      for (const ItemKey& key : context.keys) {
        values.emplace_back();
        if (key != At(7)) values.back() = "item " + std::string(key.text());
      }
      return values;
    };
  }

  std::atomic<std::int64_t> loads{0};

 private:
  std::vector<Store> stores_;
  const std::string run_ = SecureRandomHex(16);
};

void LoadsWhatIsNotThere(Catalogue& catalogue, Complaints& say) {
  const Items items = catalogue.Make(0);
  say.Check(items.Put(catalogue.At(3), "put").has_value(), "one is put");
  const Warmer warmer(catalogue.store(0), {.keys_per_second = 0, .batch = 7, .parallel = 3});
  const WarmReport first = warmer.Run(items, catalogue.Keys(), catalogue.Loader());
  say.Check(first.keys == kItems && first.failed == 0 && !first.error, "all are seen to");
  say.Check(first.loaded == kItems - 2 && first.fresh == 2, "but for what was put, or is nowhere");
  // Another process finds them, absence included.
  const Items others = catalogue.Make(1);
  const Result<Entry<std::string>> one = others.Get(catalogue.At(20));
  say.Check(one && one->value == "item " + std::string(catalogue.At(20).text()), "it is there");
  const WarmReport again =
      Warmer(catalogue.store(1)).Run(others, catalogue.Keys(), catalogue.Loader());
  say.Check(again.fresh == kItems && again.loaded == 0, "nothing is loaded again");
  say.Equal(catalogue.loads.load(), kItems - 1, "each was loaded once");
}

void TwoAtOnce(Catalogue& catalogue, Complaints& say) {
  std::vector<WarmReport> reports(2);
  std::vector<Thread> processes;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    processes.emplace_back("warmer", [&, i] {
      const Warmer warmer(catalogue.store(i), {.keys_per_second = 0, .batch = 5, .parallel = 2});
      reports[i] = warmer.Run(catalogue.Make(i), catalogue.Keys(), catalogue.Loader());
    });
  }
  for (Thread& process : processes) process.Join();
  for (const WarmReport& report : reports)
    say.Check(report.keys == kItems && report.failed == 0, "each has seen to all");
  say.Equal(reports[0].loaded + reports[1].loaded, std::uint64_t{kItems - 1}, "they share them");
  say.Equal(catalogue.loads.load(), kItems, "each was loaded once");
}

void Stops(Catalogue& catalogue, Complaints& say) {
  std::stop_source stop;
  WarmOptions options{.keys_per_second = 0, .batch = 5};
  options.on_progress = [&](const WarmReport&) { stop.request_stop(); };
  const WarmReport report =
      Warmer(catalogue.store(0), options)
          .Run(catalogue.Make(0), catalogue.Keys(), catalogue.Loader(), stop.get_token());
  say.Check(report.is_stopped && report.keys == 5, "after the batch at hand");
}

Case For(std::string_view name, std::string uri, void (*run)(Catalogue&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) {
            Catalogue catalogue(uri);
            run(catalogue, say);
          }};
}

}  // namespace

Cases WarmerCases(const std::vector<std::string>& uris) {
  return {For("LoadsWhatIsNotThere", uris[0], LoadsWhatIsNotThere),
          For("TwoAtOnce", uris[0], TwoAtOnce), For("Stops", uris[0], Stops)};
}

}  // namespace cairn::cache::checks
