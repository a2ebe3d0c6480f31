// SPDX-License-Identifier: BSD-3-Clause
// The near cache over the wire. Two stores are two processes: what the one changes, the other is
// told. Where nobody tells, nothing may be served from near.
#include <memory>
#include <string>
#include <vector>

#include "cairn/cache.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

struct Page {
  std::int64_t id = 0;
  std::string text;
  bool operator==(const Page&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("near_page/1", Field("id", &Page::id), Field("text", &Page::text));
  }
};
using PageKey = Key<"near:{*}", std::int64_t>;
using Pages = TypedCache<Page, PageKey>;
using Loaded = Result<std::optional<Page>>;

// This process, with a near cache, and another, which writes.
struct Fixture {
  explicit Fixture(const std::string& uri, Policy policy = {.ttl = Millis(600'000)})
      : store(OpenOrDie(uri)),
        other_store(OpenOrDie(uri)),
        near(NearCache::Open(store).value()),
        pages(store, {.policy = policy, .near = near}),
        other(other_store, {.policy = policy}) {}

  // Until it is served from near. False where nobody tells.
  bool Warm(std::int64_t id) const {
    return Eventually([&] { return pages.Get(id)->outcome == Outcome::kNearHit; });
  }
  std::string Text(std::int64_t id) const {
    const auto entry = pages.Get(id);
    return entry && entry->value ? entry->value->text : "";
  }

  Store store;
  Store other_store;
  NearCache near;
  Pages pages;
  Pages other;
};

void ServesWithoutAsking(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  say.Check(at.other.Put(1, Page{1, "one"}).has_value(), "the put");
  say.Equal(at.pages.Get(1)->outcome, Outcome::kHit, "the first read asks");
  if (!at.near.is_told()) {
    say.Equal(at.pages.Get(1)->outcome, Outcome::kHit, "without a teller every read asks");
    say.Equal(at.pages.count(Outcome::kNearHit), std::uint64_t{0}, "no near hit without a teller");
    return;
  }
  say.Check(at.Warm(1), "then it is near");
  say.Equal(at.Text(1), std::string("one"), "the value");
  say.Equal(at.near.figures().entries, std::uint64_t{1}, "one copy");
}

// Whoever has heard that it was changed is not served the old one: the server told before it
// answered the writer, and telling takes no longer than Eventually waits.
void HearsOfChanges(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  say.Check(at.other.Put(2, Page{2, "old"}).has_value(), "the put");
  at.Text(2);
  say.Check(at.other.Put(2, Page{2, "new"}).has_value(), "the change");
  say.Check(Eventually([&] { return at.Text(2) == "new"; }), "the change is heard of");
  say.Check(at.other.Invalidate(2).has_value(), "the end");
  say.Check(Eventually([&] { return at.Text(2).empty(); }), "the end is heard of");
  // A plain command of a program that knows nothing of caches.
  say.Check(at.other.Put(2, Page{2, "again"}).has_value(), "the third put");
  say.Check(Eventually([&] { return at.Text(2) == "again"; }), "the third is heard of");
  at.other_store.client().Call(Command("DEL", PageKey(2).text())).value();
  say.Check(Eventually([&] { return at.Text(2).empty(); }), "a DEL is heard of");
}

void OwnWritesTakeEffectAtOnce(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  for (int i = 0; i < 200; ++i) {
    const std::string text = std::to_string(i);
    if (!at.pages.Put(3, Page{3, text})) say.Check(false, "a put");
    if (at.Text(3) != text) return say.Check(false, "an own write is read back");
    at.Text(3);
  }
  at.pages.Invalidate(3).value();
  say.Check(at.Text(3).empty(), "an own invalidation");
}

void BumpsReachIt(const std::string& uri, Complaints& say) {
  const Policy policy{.ttl = Millis(600'000), .tags = {"near:tag"}};
  const Fixture at(uri, policy);
  const auto put = [&] {
    say.Check(at.other.Put(4, Page{4, "four"}).has_value(), "the put");
    at.Text(4);
    return !at.near.is_told() || at.Warm(4);
  };
  for (const Bump bump : {Bump::kSoft, Bump::kHard}) {
    say.Check(put(), "warm");
    const Outcome wanted = bump == Bump::kSoft ? Outcome::kStale : Outcome::kMiss;
    at.other.InvalidateTag("near:tag", bump).value();
    say.Check(Eventually([&] { return at.pages.Get(4)->outcome == wanted; }), "a bump is heard of");
    say.Check(put(), "warm");
    at.pages.InvalidateTag("near:tag", bump).value();
    say.Equal(at.pages.Get(4)->outcome, wanted, "an own bump");
  }
}

void ClearsAndFlushesReachIt(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  Client& client = at.other_store.client();
  const bool has_namespace = at.store.capabilities().namespaces &&
                             client.Call(Command("NAMESPACE.SET", PageKey::Prefix())).has_value();
  if (has_namespace) {
    at.other.Put(5, Page{5, "five"}).value();
    at.Text(5);
    at.Text(5);
    say.Check(at.other.Clear().has_value(), "the clear");
    say.Check(Eventually([&] { return at.Text(5).empty(); }), "a clear is heard of");
    client.Call(Command("NAMESPACE.DEL", PageKey::Prefix())).value();
  }
  at.other.Put(5, Page{5, "five"}).value();
  at.Text(5);
  // In a cluster it is one node's, any of them: so again.
  if (!client.Call(Command("FLUSHALL"))) return;
  const auto is_gone = [&] {
    client.Call(Command("FLUSHALL")).value();
    return at.Text(5).empty();
  };
  if (at.near.is_told()) say.Check(Eventually(is_gone), "a flush is heard of");
}

// The row's deletion is known here, too; who creates it makes an end of that.
void AbsenceIsNear(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  at.pages.Invalidate(6).value();
  const auto none = [](Pages::Loading&) -> Loaded { return std::nullopt; };
  say.Equal(at.pages.GetOrLoad(6, none)->outcome, Outcome::kNegative, "no such row");
  say.Equal(at.pages.Get(6)->outcome, Outcome::kNegative, "known");
  say.Equal(at.pages.Get(6)->outcome, Outcome::kNegative, "known, near");
  at.other.Put(6, Page{6, "six"}).value();
  say.Check(Eventually([&] { return at.Text(6) == "six"; }), "the creation is heard of");
  at.pages.Invalidate(6).value();
  at.pages.GetOrLoad(6, none).value();
  at.pages.Get(6).value();
  at.other.Invalidate(6).value();
  say.Check(Eventually([&] { return at.pages.Get(6)->outcome == Outcome::kMiss; }),
            "that nobody knows any more is heard of");
}

void MinimumVersionsSkipOlderCopies(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  if (!at.store.capabilities().versions || !at.near.is_told()) return;
  at.other.Invalidate(7).value();
  at.other.Put(7, Page{7, "old"}, {.version = 3}).value();
  say.Check(at.Warm(7), "warm");
  say.Equal(at.pages.Get(7, {.min_version = 3})->outcome, Outcome::kNearHit, "new enough");
  say.Equal(at.pages.Get(7, {.min_version = 4})->outcome, Outcome::kMiss, "too old");
}

// A new connection is a new epoch: what was read under the old one may have been changed unheard.
void ANewConnectionHasNoCopies(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  if (!at.near.is_told()) return;
  at.other.Put(8, Page{8, "old"}).value();
  say.Check(at.Warm(8), "warm");
  const std::uint64_t epochs = at.near.figures().epochs;
  // At the server that has the key: all connections are closed but the caller's, and the change
  // comes before they are back.
  const auto there = at.other_store.client().Reserve(PageKey(8).text());
  if (!there) return say.Check(false, "Reserve: " + there.error().detail);
  const std::vector<Command> both = {Command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
                                     Command("DEL", PageKey(8).text())};
  (*there)->Pipeline(both);
  say.Check(Eventually([&] { return at.near.figures().epochs > epochs; }), "a new epoch");
  say.Check(Eventually([&] { return at.pages.Get(8).has_value() && at.Text(8).empty(); }),
            "the old copy is not served");
  // The other's connections were closed, too, which it need not have noticed yet.
  say.Check(Eventually([&] { return at.other.Put(8, Page{8, "new"}).has_value(); }), "a put");
  say.Check(at.Warm(8), "warm again");
  say.Equal(at.Text(8), std::string("new"), "the new value");
}

void BulkReadsUseAndFillIt(const std::string& uri, Complaints& say) {
  const Fixture at(uri);
  int loads = 0;
  const auto rows =
      [&](BulkContext<PageKey>& context) -> Task<Result<std::vector<std::optional<Page>>>> {
    ++loads;
    std::vector<std::optional<Page>> values;
    for (const PageKey& key : context.keys) values.push_back(Page{key.part<0>(), "row"});
    co_return values;
  };
  for (std::int64_t id = 10; id < 14; ++id) at.pages.Invalidate(id).value();
  at.other.Put(10, Page{10, "put"}).value();
  const std::vector<PageKey> keys = {10, 11, 12, 13};
  for (int i = 0; i < 3; ++i) {
    const auto entries = at.pages.GetOrLoadMany(keys, rows);
    if (!entries) return say.Check(false, entries.error().detail);
    say.Check((*entries)[0].value->text == "put" && (*entries)[3].value->text == "row", "values");
  }
  say.Equal(loads, 1, "one load");
  if (!at.near.is_told()) return;
  // What this process has written it is told of, too, on another connection: a late word drops a
  // copy that a later round reads again.
  const auto are_near = [&] {
    const std::uint64_t before = at.pages.count(Outcome::kNearHit);
    at.pages.GetOrLoadMany(keys, rows).value();
    return at.pages.count(Outcome::kNearHit) == before + keys.size();
  };
  say.Check(Eventually(are_near), "a later round is near");
  say.Equal(loads, 1, "still one load");
}

// Others read a key, this process has not: the server's word alone gives it a place.
void WhatTheFleetReadsIsPromoted(const std::string& uri, Complaints& say) {
  const Store store = OpenOrDie(uri);
  const Store other_store = OpenOrDie(uri);
  if (!store.capabilities().tracking || !store.capabilities().hot_keys) return;
  const NearPromotion promotion{
      .reads_min = 255, .period = Millis(60'000), .ask_every = Millis(20), .server_rate_min = 0.1};
  const NearCache near = NearCache::Open(store, {.promotion = promotion}).value();
  const Pages pages(store, {.policy = {.ttl = Millis(600'000)}, .near = near});
  const Pages other(other_store, {.policy = {.ttl = Millis(600'000)}});
  other.Put(20, Page{20, "hot"}).value();
  other.Put(21, Page{21, "cold"}).value();
  say.Equal(pages.Get(21)->outcome, Outcome::kHit, "a first read");
  say.Equal(pages.Get(21)->outcome, Outcome::kHit, "a second");
  say.Equal(near.figures().cold, std::uint64_t{2}, "both are cold");
  const std::vector<Command> reads(200, Command("CACHE.GET", PageKey(20).text()));
  const auto is_told = [&] {
    other_store.client().Pipeline(reads);
    return near.figures().told_hot > 0;
  };
  if (!Eventually(is_told)) return say.Check(false, "the server says what is hot");
  say.Check(Eventually([&] {
              return pages.Get(20)->outcome == Outcome::kNearHit || near.figures().cold > 200;
            }),
            "it is kept");
  say.Check(near.figures().cold < 10, "from the first read on, unless a connection was lost");
}

}  // namespace

Cases NearCases(const std::vector<std::string>& uris) {
  using Run = void (*)(const std::string&, Complaints&);
  const std::pair<std::string_view, Run> rows[] = {
      {"ServesWithoutAsking", ServesWithoutAsking},
      {"HearsOfChanges", HearsOfChanges},
      {"OwnWritesTakeEffectAtOnce", OwnWritesTakeEffectAtOnce},
      {"BumpsReachIt", BumpsReachIt},
      {"ClearsAndFlushesReachIt", ClearsAndFlushesReachIt},
      {"AbsenceIsNear", AbsenceIsNear},
      {"MinimumVersionsSkipOlderCopies", MinimumVersionsSkipOlderCopies},
      {"ANewConnectionHasNoCopies", ANewConnectionHasNoCopies},
      {"BulkReadsUseAndFillIt", BulkReadsUseAndFillIt},
      {"WhatTheFleetReadsIsPromoted", WhatTheFleetReadsIsPromoted},
  };
  Cases cases;
  for (const auto& [name, run] : rows) {
    cases.push_back({name, [uri = uris[0], run](Complaints& say) {
                       // Two handles of an embedded store would be two stores.
                       if (!OpenOrDie(uri).capabilities().leases || uri == "embedded:") return;
                       run(uri, say);
                     }});
  }
  return cases;
}

}  // namespace cairn::cache::checks
