// SPDX-License-Identifier: BSD-3-Clause
// Processes that read rows through a typed cache and change them, over a database of rows with
// versions and an outbox.
//
//   writer:  commit (row, outbox) --> invalidate, put or bump the tag --> (or dies before)
//   relay:   outbox --> CACHE.DEL with the version --> drop
//
// Promises: once an invalidation was answered, nobody who begins to read is given an older version;
// one load for each lease; and at the end the cache has nothing but what the database has.
#include <deque>
#include <map>

#include "cairn/cache.h"
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
  };

  void Start(const ProcessPtr& process) override {
    const CacheOptions options{.policy = {.ttl = 120ms,
                                          .stale_for = 100ms,
                                          .negative_ttl = 80ms,
                                          .lease = kLease,
                                          .retry_after = 50ms,
                                          .wait_max = 300ms},
                               .executor = &time_};
    const Rows rows(process->store, options);
    for (int i = 0; i < 3; ++i) Detach(ReadOften(process, rows));
    Detach(WriteOften(process, rows));
    if (!has("no-outbox")) Detach(Relay(process));
  }
  bool IsAtRest() override { return outbox_.empty() || has("no-outbox"); }
  bool may_crash() const override { return true; }

  // The token that a reader of the process was granted at this very moment.
  void OnEvent(const NetworkEvent& event) override {
    if (event.kind == NetworkEvent::Kind::kCrash) history_.Note({.kind = Kind::kVoid});
    if (event.kind != NetworkEvent::Kind::kDelivered || !*event.reply) return;
    const Command& command = *event.command;
    if (command[0] != "CACHE.GET" || (*event.reply)->elements().size() < 3) return;
    const Reply& token = (*event.reply)->elements()[2];
    granted_[{std::string(event.client), std::string(command[1])}] = {
        .token = token.is_null() ? 0 : NameOf(token.AsInteger().value_or(0)),
        .was_there = (*event.reply)->elements()[0].text() != "miss",
        .at = time_.Now()};
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

  Task<void> ReadOften(ProcessPtr process, Rows rows) {
    while (Goes(process)) {
      co_await Pause(0ms, 12ms);
      if (!Goes(process)) break;
      const auto id = static_cast<std::int64_t>(random_.Below(kRows));
      if (has("fill-without-lease") || has("every-miss-loads")) {
        co_await ReadAsTheGuides(process, id);
      } else {
        co_await Read(process, rows, id);
      }
    }
  }

  Task<void> Read(ProcessPtr process, Rows rows, std::int64_t id) {
    const RowKey key(id);
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
    history_.End(read, {.value = std::string(OutcomeName(entry->outcome)),
                        .number = entry->value ? entry->value->version : entry->version});
  }

  Task<Loaded> Load(ProcessPtr process, Rows::Loading& context) {
    const std::string key = context.key.text();
    const Granted granted = granted_[{process->name, key}];
    const bool is_leased = granted.at == time_.Now();
    // The lease began when the store granted it, up to a timeout ago.
    const auto load = history_.Begin({.kind = Kind::kLoad,
                                      .client = process->name,
                                      .key = key,
                                      .number = is_leased ? granted.token : 0,
                                      .ttl = granted.was_there ? Duration(0) : kLease - kTimeout});
    const Stored row = co_await Select(context.key.template part<0>());
    history_.End(load);
    if (random_.Chance(0.05)) co_return Fail(Errc::kUnreachable, "the database is away");
    // Some live for long, so that only an invalidation ends them.
    if (context.key.template part<0>() < 2) context.policy.ttl = 1min;
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

  static std::string TagOf(std::int64_t id) { return "tag:" + std::to_string(id % 2); }

  Task<void> WriteOften(ProcessPtr process, Rows rows) {
    while (Goes(process)) {
      co_await Pause(0ms, 60ms);
      if (!Goes(process)) break;
      const auto id = static_cast<std::int64_t>(random_.Below(kRows));
      if (has("invalidate-before-commit")) {
        co_await WriteTooEarly(process, rows, id);
      } else {
        co_await Write(process, rows, id);
      }
    }
  }

  Task<void> Write(ProcessPtr process, Rows rows, std::int64_t id) {
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
    history_.End(told, error ? EndOf(*error) : Ending());
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
      if (!reply || !process->is_alive) continue;
      std::erase_if(outbox_, [&](const Change& one) {
        return one.id == change.id && one.version == change.version;
      });
    }
  }

  Violation Check() override {
    if (Violation violation = history_.CheckLoads(kTimeout)) return violation;
    return history_.CheckFreshness(0ms);
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
