// SPDX-License-Identifier: BSD-3-Clause
// Two round trips within the transaction: raise all keys, then write the rows of those raised.
//
// A row's version is asked as well: should it be newer than the entry, somebody has written the
// table since, by other means, and knows better.
#include "cairn/sql/write_behind.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <tuple>

namespace cairn::cache::sql {
namespace {

constexpr std::string_view kAppliedTable =
    "create table if not exists cairn_applied("
    "log text not null, entry_key text not null, id_ms bigint not null, id_seq bigint not null,"
    " version bigint not null, is_delete bigint not null, applied_ms bigint not null,"
    " primary key (log, entry_key))";

constexpr std::string_view kRaise =
    "insert into cairn_applied as a"
    " (log, entry_key, id_ms, id_seq, version, is_delete, applied_ms)"
    " values ($1, $2, $3, $4, $5, $6, $7)"
    " on conflict (log, entry_key) do update set id_ms = excluded.id_ms, id_seq = excluded.id_seq,"
    " version = excluded.version, is_delete = excluded.is_delete, applied_ms = excluded.applied_ms"
    " where (a.id_ms, a.id_seq) < (excluded.id_ms, excluded.id_seq)";

struct EntryId {
  std::int64_t ms = 0;
  std::int64_t seq = 0;
  auto operator<=>(const EntryId&) const = default;
};

std::optional<std::int64_t> ToNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return {};
  return number;
}

std::optional<EntryId> ToEntryId(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return {};
  const auto ms = ToNumber(text.substr(0, dash));
  const auto seq = ToNumber(text.substr(dash + 1));
  if (!ms || !seq) return {};
  return EntryId{*ms, *seq};
}

std::int64_t NowMs(const Database& db) { return db.clock().UnixNow().time_since_epoch().count(); }

// What is to be done for one key: its last entry of the batch.
struct Step {
  std::size_t entry;
  EntryId id;
  Statement raise;
  Statement write;
};

class Batch {
 public:
  Batch(const Database& db, std::string_view log, std::span<const LogEntry> entries)
      : db_(db), log_(log), entries_(entries) {}

  // The steps, in the order of their keys; entries that cannot be one are refused in `applied`.
  std::vector<Step> Plan(const internal::EntryWriter& writer, Applied& applied) const {
    std::map<std::string_view, Step> last;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Result<Step> step = MakeStep(i, writer);
      if (!step) {
        applied.refused.push_back({i, std::move(step).error()});
        continue;
      }
      const auto [found, is_new] = last.try_emplace(entries_[i].key, *step);
      if (is_new) continue;
      ++applied.passed_over;
      if (found->second.id < step->id) found->second = std::move(*step);
    }
    std::vector<Step> steps;
    steps.reserve(last.size());
    for (auto& [key, step] : last) steps.push_back(std::move(step));
    return steps;
  }

  // How many rows were written, of how many steps that could be raised.
  struct Done {
    std::size_t raised = 0;
    std::size_t written = 0;
  };
  Result<Done> Run(std::span<const Step> steps, const SqlCall& call) const {
    return db_.Transact(
        [&](Session& session) -> Result<Done> {
          std::vector<Statement> statements;
          for (const Step& step : steps) statements.push_back(step.raise);
          std::vector<Result<Rows>> results = session.Batch(statements);
          if (!results.back()) return Pass(std::move(results.back()));
          statements.clear();
          for (std::size_t i = 0; i < steps.size(); ++i) {
            if (results[i]->affected > 0) statements.push_back(steps[i].write);
          }
          Done done{.raised = statements.size()};
          if (statements.empty()) return done;
          results = session.Batch(statements);
          if (!results.back()) return Pass(std::move(results.back()));
          for (const Result<Rows>& result : results) done.written += result->affected > 0 ? 1 : 0;
          return done;
        },
        {.call = call});
  }

 private:
  Result<Step> MakeStep(std::size_t i, const internal::EntryWriter& writer) const {
    const LogEntry& entry = entries_[i];
    const std::optional<EntryId> id = ToEntryId(entry.id);
    if (!id) return Fail(Errc::kProtocol, "not the id of an entry: " + entry.id);
    Result<Statement> write = Fail(Errc::kLoader, "the mapping threw");
    try {
      write = writer(entry);
    } catch (...) {
      write.error().cause = std::current_exception();
    }
    if (!write) return Pass(std::move(write));
    return Step{.entry = i,
                .id = *id,
                .raise = Statement(kRaise, log_, entry.key, id->ms, id->seq, entry.version,
                                   entry.is_delete ? 1 : 0, NowMs(db_)),
                .write = std::move(*write)};
  }

  const Database& db_;
  const std::string log_;
  const std::span<const LogEntry> entries_;
};

// The entry's own fault: another try would fail the same way.
bool IsRefusal(const Error& error) {
  if (error.code == Errc::kInvalid) return true;  // a NUL byte in text
  const std::string_view state = error.server_code();
  return state.starts_with("22") || state.starts_with("23");
}

}  // namespace

Result<LogEntry> ParseLogEntry(std::string id, std::span<const std::string_view> fields) {
  LogEntry entry{.id = std::move(id), .key = {}};
  bool has_op = false;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const std::string_view name = fields[i];
    const std::string_view value = fields[i + 1];
    if (name == "op") {
      has_op = value == "set" || value == "del";
      entry.is_delete = value == "del";
    } else if (name == "key") {
      entry.key = value;
    } else if (name == "ver") {
      const std::optional<std::int64_t> version = ToNumber(value);
      if (!version) return Fail(Errc::kProtocol, "not a version: " + std::string(value));
      entry.version = *version;
    } else if (name == "value") {
      entry.value = value;
    }
  }
  if (!has_op) return Fail(Errc::kProtocol, "not an entry of a log of writes: " + entry.id);
  return entry;
}

namespace internal {

Result<void> PrepareApplied(const Database& db, const SqlCall& call) {
  const Result<Rows> made = db.Execute(Statement(kAppliedTable), call);
  // Two that begin at once: "if not exists" does not keep them from colliding in the catalogue.
  if (!made && made.error().server_code() == "23505") return {};
  if (!made) return std::unexpected(made.error());
  return {};
}

Result<Applied> ApplyLog(const Database& db, std::string_view log,
                         std::span<const LogEntry> entries, const EntryWriter& writer,
                         const SqlCall& call) {
  Applied applied;
  const Batch batch(db, log, entries);
  const std::vector<Step> steps = batch.Plan(writer, applied);
  if (steps.empty()) return applied;
  const auto count = [&](std::size_t size, const Batch::Done& done) {
    applied.written += done.written;
    applied.passed_over += size - done.written;
  };
  const Result<Batch::Done> all = batch.Run(steps, call);
  if (all) {
    count(steps.size(), *all);
    return applied;
  }
  if (!IsRefusal(all.error())) return std::unexpected(all.error());
  // One of them is refused: each by itself, so that it keeps nobody else.
  for (const Step& step : steps) {
    const Result<Batch::Done> one = batch.Run(std::span(&step, 1), call);
    if (one) {
      count(1, *one);
    } else if (IsRefusal(one.error())) {
      applied.refused.push_back({step.entry, one.error()});
    } else {
      return std::unexpected(one.error());
    }
  }
  return applied;
}

Result<std::int64_t> ForgetApplied(const Database& db, std::string_view log, Duration age,
                                   const SqlCall& call) {
  const std::int64_t before =
      NowMs(db) - std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  const Statement forget("delete from cairn_applied where log = $1 and applied_ms < $2", log,
                         before);
  const Result<Rows> done = db.Execute(forget, call);
  if (!done) return std::unexpected(done.error());
  return done->affected;
}

}  // namespace internal
}  // namespace cairn::cache::sql
