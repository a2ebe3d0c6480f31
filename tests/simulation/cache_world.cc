// SPDX-License-Identifier: BSD-3-Clause
// Processes that read rows through a typed cache and change them, over a database of rows with
// versions and an outbox.
//
//   writer:  commit (row, outbox) --> invalidate, put or bump the tag --> (or dies before)
//   relay:   outbox --> CACHE.DEL with the version --> drop
//
// Half of them have a near cache, told over the same network.
//
// Promises: once an invalidation was answered, nobody who begins to read is given an older version
// by the store, nor by his near cache once its bound has passed (near_promise.h); one load for each
// lease; and at the end the cache has nothing but what the database has.
#include <deque>
#include <map>

#include "cairn/cache.h"
#include "tests/simulation/near_promise.h"
#include "tests/simulation/world.h"

namespace cairn::simulation {
namespace {

struct Row {
  std::int64_t version = 0;
  bool operator==(const Row&) const = default;
  static constexpr auto Fields() { return FieldsOf("row/1", Field("version", &Row::version)); }
};
using RowKey = Key<"row:{*}", std::int64_t>;
using Rows = TypedCache<Row, RowKey>;
using Loaded = Result<std::optional<Row>>;
using Kind = Operation::Kind;

constexpr std::int64_t kRows = 4;
constexpr Millis kLease{400};
constexpr Millis kTimeout{100};
constexpr Millis kNearTtl{400};

class CacheWorld final : public World {
 public:
  explicit CacheWorld(const Order& order) : World(order, "embedded:", 4) {
    for (std::int64_t id = 0; id < kRows; ++id) table_[id].version = 1;
  }

 private:
  // A row of the database. Its version lives on when it is deleted.
  struct Stored {
    std::int64_t version = 0;
    bool is_deleted = false;
  };
  struct Change {
    std::int64_t id;
    std::int64_t version;
  };
  struct Granted {
    std::int64_t token = 0;
    // A lease on what was there is void when that expires.
    bool was_there = false;
    TimePoint at = {};
    // Several at this moment, of one connection: nobody knows whose load is whose.
    bool is_one_of_many = false;
  };

  void Start(const ProcessPtr& process) override {
    CacheOptions options{.policy = {.ttl = 1min,
                                    .lease = kLease,
                                    .retry_after = 50ms,
                                    .wait_max = 300ms,
                                    .near_ttl = kNearTtl},
                         .executor = &time_};
    Copies copies;
    if (process->name == "p0" || process->name == "p1") copies = OpenNear(process, options);
    const Rows rows(process->store, options);
    for (int i = 0; i < 3; ++i) Detach(ReadOften(process, rows, copies));
    Detach(WriteOften(process, rows, copies));
    if (!has("no-outbox")) Detach(Relay(process));
  }
  // What a process has near; nothing: it has none.
  struct Copies {
    NearPromise::LifePtr life;
    std::shared_ptr<NaiveNear> naive;  // where a bug is planted
  };
  Copies OpenNear(const ProcessPtr& process, CacheOptions& options) {
    Copies copies;
    copies.life = std::make_shared<NearPromise::Life>();
    copies.life->name = process->name;
    if (order_.bug.starts_with("near-")) {
      copies.naive = std::make_shared<NaiveNear>(process->store, order_.bug, kNearTtl);
      copies.naive->Open();
      copies.life->epochs = [naive = copies.naive] { return naive->epochs(); };
    } else {
      options.near = NearCache::Open(process->store).value();
      copies.life->epochs = [near = options.near] { return near.figures().epochs; };
    }
    return copies;
  }
  bool IsAtRest() override { return outbox_.empty() || has("no-outbox"); }
  bool may_crash() const override { return true; }

  // The token that a reader of the process was granted at this very moment.
  void OnEvent(const NetworkEvent& event) override {
    promise_.OnEvent(event);
    if (event.kind == NetworkEvent::Kind::kCrash) history_.Note({.kind = Kind::kVoid});
    if (event.kind != NetworkEvent::Kind::kDelivered || !*event.reply) return;
    const Command& command = *event.command;
    if (command[0] != "CACHE.GET" || (*event.reply)->elements().size() < 3) return;
    const Reply& token = (*event.reply)->elements()[2];
    Granted& granted = granted_[{std::string(event.client), std::string(command[1])}];
    const bool is_again = granted.at == time_.Now() && granted.token != 0;
    granted = {.token = token.is_null() ? 0 : NameOf(token.AsInteger().value_or(0)),
               .was_there = (*event.reply)->elements()[0].text() != "miss",
               .at = time_.Now(),
               .is_one_of_many = is_again || (granted.at == time_.Now() && granted.is_one_of_many)};
  }

  // Tokens begin anywhere; in the history the first is 1.
  std::int64_t NameOf(std::int64_t token) {
    const auto next = static_cast<std::int64_t>(tokens_.size()) + 1;
    return tokens_.try_emplace(token, next).first->second;
  }

  // ---- The database

  Task<Stored> Select(std::int64_t id) {
    co_await Pause(0ms, 3ms);
    const Stored row = table_[id];
    const bool is_slow = random_.Chance(0.1);
    co_await Pause(0ms, is_slow ? 250ms : 5ms);
    co_return row;
  }
  // Nothing: the process died before.
  Task<std::optional<Change>> Commit(ProcessPtr process, std::int64_t id, bool is_delete) {
    co_await Pause(0ms, 3ms);
    if (!process->is_alive) co_return std::nullopt;
    Stored& row = table_[id];
    ++row.version;
    row.is_deleted = is_delete;
    const Change change{id, row.version};
    outbox_.push_back(change);
    co_await Pause(0ms, 3ms);
    co_return change;
  }

  // ---- Readers

  Task<void> ReadOften(ProcessPtr process, Rows rows, Copies copies) {
    while (Goes(process)) {
      co_await Pause(0ms, 12ms);
      if (!Goes(process)) break;
      const auto id = static_cast<std::int64_t>(random_.Below(kRows));
      if (has("fill-without-lease") || has("every-miss-loads")) {
        co_await ReadAsTheGuides(process, id);
      } else {
        co_await Read(process, rows, id, copies);
      }
    }
  }

  Task<void> Read(ProcessPtr process, Rows rows, std::int64_t id, Copies copies) {
    const RowKey key(id);
    if (copies.life) promise_.Look(*copies.life);
    if (copies.naive) {
      if (const auto version = copies.naive->Find(key.text())) {
        promise_.OnServed(copies.life, key.text(), *version);
        co_return;
      }
      co_await copies.naive->Fill(key.text());
    }
    const TimePoint began = time_.Now();
    const auto read =
        history_.Begin({.kind = Kind::kRead, .client = process->name, .key = key.text()});
    const auto loader = [this, process](Rows::Loading& context) -> Task<Loaded> {
      return Load(process, context);
    };
    const Result<Entry<Row>> entry = co_await rows.CoGetOrLoad(key, loader);
    if (!entry) {
      history_.End(read, {.fate = Operation::Fate::kFailed});
      co_return;
    }
    const std::int64_t version = entry->value ? entry->value->version : entry->version;
    const bool is_near =
        entry->outcome == Outcome::kNearHit ||
        (copies.life && entry->outcome == Outcome::kNegative && time_.Now() == began);
    // The store's own promise does not hold for copies: 0 is not looked at.
    history_.End(
        read, {.value = std::string(OutcomeName(entry->outcome)), .number = is_near ? 0 : version});
    if (is_near && version > 0) promise_.OnServed(copies.life, key.text(), version);
  }

  Task<Loaded> Load(ProcessPtr process, Rows::Loading& context) {
    const std::string key = context.key.text();
    const Granted granted = granted_[{process->name, key}];
    const bool is_leased = granted.at == time_.Now() && !granted.is_one_of_many;
    // The lease began when the store granted it, up to a timeout ago.
    const auto load = history_.Begin({.kind = Kind::kLoad,
                                      .client = process->name,
                                      .key = key,
                                      .number = is_leased ? granted.token : 0,
                                      .ttl = granted.was_there ? Duration(0) : kLease - kTimeout});
    const Stored row = co_await Select(context.key.template part<0>());
    history_.End(load);
    if (random_.Chance(0.05)) co_return Fail(Errc::kUnreachable, "the database is away");
    if (!LivesLong(context.key.template part<0>())) context.policy.ttl = 120ms;
    context.version = row.version;
    context.tags.push_back(TagOf(context.key.template part<0>()));
    if (row.is_deleted) co_return std::nullopt;
    co_return Row{row.version};
  }

  // GET, a miss, SELECT, SET.
  Task<void> ReadAsTheGuides(ProcessPtr process, std::int64_t id) {
    const std::string key = RowKey(id).text();
    const auto read = history_.Begin({.kind = Kind::kRead, .client = process->name, .key = key});
    const Result<Reply> hit = co_await process->store.client().CoCall(Command("CACHE.GET", key));
    std::optional<std::int64_t> version;
    if (hit && hit->elements()[0].text() == "fresh")
      version = hit->elements()[1].AsInteger().value_or(0);
    if (!version) {
      // Everybody believes to be the one who loads.
      const auto load = history_.Begin({.kind = Kind::kLoad,
                                        .client = process->name,
                                        .key = key,
                                        .number = has("every-miss-loads") ? ++loads_ : 0,
                                        .ttl = kLease});
      const Stored row = co_await Select(id);
      history_.End(load);
      version = row.version;
      const Command fill("CACHE.SET", key, row.version, "TTL", 120);
      co_await process->store.client().CoCall(fill);
    }
    history_.End(read, {.number = *version});
  }

  // ---- Writers

  // Some live for long, so that only an invalidation ends them. Those that are put have to: a
  // version is known as long as its value, and a put that was held up for longer lands behind it.
  static bool LivesLong(std::int64_t id) { return id == 1 || id % 2 == 0; }
  static std::string TagOf(std::int64_t id) { return "tag:" + std::to_string(id % 2); }

  Task<void> WriteOften(ProcessPtr process, Rows rows, Copies copies) {
    while (Goes(process)) {
      co_await Pause(0ms, 60ms);
      if (!Goes(process)) break;
      const auto id = static_cast<std::int64_t>(random_.Below(kRows));
      if (has("invalidate-before-commit")) {
        co_await WriteTooEarly(process, rows, id);
      } else {
        co_await Write(process, rows, id, copies);
      }
    }
  }

  Task<void> Write(ProcessPtr process, Rows rows, std::int64_t id, Copies copies) {
    const bool is_delete = random_.Chance(0.15);
    const std::optional<Change> change = co_await Commit(process, id, is_delete);
    if (!change || !process->is_alive) co_return;  // the relay will tell
    const RowKey key(id);
    const auto told = history_.Begin({.kind = Kind::kInvalidate,
                                      .client = process->name,
                                      .key = key.text(),
                                      .number = change->version});
    // A hard bump forgets versions, so that a put that comes late could land behind it: what is
    // invalidated by its tag is not put.
    const std::uint64_t other = id % 2 == 0 ? 1 : 2;
    const std::uint64_t how = is_delete || random_.Chance(0.4) ? 0 : other;
    std::optional<Error> error;
    if (how == 0) {
      const Result<Mark> mark = co_await rows.CoInvalidate(key, change->version);
      if (!mark) error = mark.error();
    } else if (how == 1) {
      PutOptions put;
      put.version = change->version;
      put.tags.push_back(TagOf(id));
      const Result<Mark> mark = co_await rows.CoPut(key, Row{change->version}, put);
      if (!mark) error = mark.error();
    } else {
      const Result<void> bumped = co_await rows.CoInvalidateTag(TagOf(id), Bump::kHard);
      if (!bumped) error = bumped.error();
    }
    if (copies.naive) copies.naive->Forget(key.text());
    history_.End(told, error ? EndOf(*error) : Ending());
    if (!error) promise_.OnAnswered(key.text(), change->version, copies.life);
  }

  Task<void> WriteTooEarly(ProcessPtr process, Rows rows, std::int64_t id) {
    const RowKey key(id);
    const auto told =
        history_.Begin({.kind = Kind::kInvalidate, .client = process->name, .key = key.text()});
    const Result<Mark> mark = co_await rows.CoInvalidate(key);
    const std::optional<Change> change = co_await Commit(process, id, false);
    if (!mark || !change) {
      history_.End(told, {.fate = Operation::Fate::kUnknown});
      co_return;
    }
    history_.End(told, {.number = change->version});
  }

  // ---- The relay

  Task<void> Relay(ProcessPtr process) {
    while (process->is_alive && (!is_quiet() || !outbox_.empty())) {
      co_await Pause(10ms, 30ms);
      if (!process->is_alive || outbox_.empty()) continue;
      const Change change = outbox_.front();
      const std::string key = RowKey(change.id).text();
      const auto told = history_.Begin({.kind = Kind::kInvalidate,
                                        .client = process->name,
                                        .key = key,
                                        .number = change.version});
      const Command command("CACHE.DEL", key, "VER", change.version);
      const Result<Reply> reply = co_await process->store.client().CoCall(command);
      history_.End(told, reply ? Ending() : EndOf(reply.error()));
      if (reply) promise_.OnAnswered(key, change.version, nullptr);
      if (!reply || !process->is_alive) continue;
      std::erase_if(outbox_, [&](const Change& one) {
        return one.id == change.id && one.version == change.version;
      });
    }
  }

  Violation Check() override {
    if (Violation violation = history_.CheckLoads(kTimeout)) return violation;
    if (Violation violation = history_.CheckFreshness(0ms)) return violation;
    return promise_.violation();
  }

  Violation CheckStored() override {
    for (const auto& [id, row] : table_) {
      const std::string key = RowKey(id).text();
      const Reply known = network_->store()->client().Call(Command("CACHE.GET", key)).value();
      const std::string_view state = known.elements()[0].text();
      const std::int64_t version = known.elements()[3].AsInteger().value_or(0);
      if (state != "miss" && state != "loading" && version != row.version)
        return "the cache has kept version " + std::to_string(version) + " of " + key +
               ", the database has " + std::to_string(row.version);
    }
    return std::nullopt;
  }

  NearPromise promise_{time_, kLink.slow_max, kNearTtl};
  std::map<std::int64_t, Stored> table_;
  std::deque<Change> outbox_;
  std::map<std::int64_t, std::int64_t> tokens_;
  std::int64_t loads_ = 0;
  std::map<std::pair<std::string, std::string>, Granted> granted_;
};

}  // namespace

std::unique_ptr<World> MakeCacheWorld(const Order& order) {
  return std::make_unique<CacheWorld>(order);
}

}  // namespace cairn::simulation
