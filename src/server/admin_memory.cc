// SPDX-License-Identifier: BSD-3-Clause
// MEMORY: what keys, databases and the allocator hold.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "ds/segment.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/memory_figures.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using keyspace::Access;

// A key's share of its table: a slot with its tag, and its place in the expiry column if it has a
// time.
constexpr std::size_t kSlotBytes =
    (sizeof(ds::Bucket) + ds::Bucket::kSlots - 1) / ds::Bucket::kSlots;
constexpr std::size_t kExpiryBytes = 5;

// SAMPLES is read and checked, and changes nothing: every value knows the bytes it owns, so that
// the answer is exact and O(1) for collections, too.
void Usage(Call& call) {
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    if (!EqualsIgnoreCase(call.arg(i), "SAMPLES") || i + 1 == call.argc())
      return call.Error(command::errors::kSyntax);
    const std::optional<std::int64_t> samples = ParseInt64(call.arg(i + 1));
    if (!samples) return call.Error(command::errors::kNotAnInteger);
    if (*samples < 0) return call.Error(command::errors::kSyntax);
  }
  const keyspace::Found found = call.txn().Find(call.key(0), Access::kPeek);
  if (!found) return call.reply().Null();
  const std::size_t bytes =
      found.entry->charged_bytes() + kSlotBytes + (found.entry->is_volatile() ? kExpiryBytes : 0);
  call.reply().Integer(static_cast<std::int64_t>(bytes));
}

struct DatabaseTables {
  std::uint32_t db = 0;
  std::size_t keys = 0;
  std::size_t volatile_keys = 0;
  std::size_t bytes = 0;
};

// Of the databases that hold keys.
std::vector<DatabaseTables> TablesByDatabase(keyspace::Keyspace& keyspace) {
  std::vector<DatabaseTables> all(keyspace.database_count());
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    keyspace::Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    for (const keyspace::StripePicture::Table& table : keyspace.PictureOf(stripe).tables) {
      DatabaseTables& of = all[table.db];
      of.db = table.db;
      of.keys += table.keys;
      of.volatile_keys += table.volatile_keys;
      of.bytes += table.bytes;
    }
  }
  std::erase_if(all, [](const DatabaseTables& tables) { return tables.keys == 0; });
  return all;
}

// Names and values of a map, one after the other.
class Fields {
 public:
  explicit Fields(resp::Writer& reply) : reply_(reply), map_(reply.BeginArray()) {}
  void Add(std::string_view name, std::int64_t value) {
    Name(name);
    reply_.Integer(value);
  }
  void AddRatio(std::string_view name, double value) {
    Name(name);
    reply_.Double(value);
  }
  resp::Writer& Name(std::string_view name) {
    ++count_;
    reply_.Bulk(name);
    return reply_;
  }
  void End() { reply_.EndMap(map_, count_); }

 private:
  resp::Writer& reply_;
  const std::size_t map_;
  std::size_t count_ = 0;
};

// The expiry column is part of the table; its share is told by itself, as Redis's second table is.
void AddDatabase(Fields& fields, const DatabaseTables& tables) {
  const std::size_t expiry_bytes = tables.volatile_keys * kExpiryBytes;
  resp::Writer& reply = fields.Name(fmt::format("db.{}", tables.db));
  reply.Map(3);
  reply.Bulk("overhead.hashtable.main");
  reply.Integer(static_cast<std::int64_t>(tables.bytes - std::min(tables.bytes, expiry_bytes)));
  reply.Bulk("overhead.hashtable.expires");
  reply.Integer(static_cast<std::int64_t>(expiry_bytes));
  reply.Bulk("overhead.hashtable.slot-to-keys");
  reply.Integer(0);
}

void AddAllocator(Fields& fields, const MemoryFigures& figures) {
  const AllocatorStatistics& allocator = figures.allocator;
  fields.Add("allocator.allocated", allocator.allocated);
  fields.Add("allocator.active", allocator.active);
  fields.Add("allocator.resident", allocator.resident);
  fields.AddRatio("allocator-fragmentation.ratio",
                  MemoryRatio(allocator.active, allocator.allocated));
  fields.Add("allocator-fragmentation.bytes", allocator.active - allocator.allocated);
  fields.AddRatio("allocator-rss.ratio", MemoryRatio(allocator.resident, allocator.active));
  fields.Add("allocator-rss.bytes", allocator.resident - allocator.active);
  fields.AddRatio("rss-overhead.ratio", MemoryRatio(figures.resident, allocator.resident));
  fields.Add("rss-overhead.bytes", figures.resident - allocator.resident);
  fields.AddRatio("fragmentation", MemoryRatio(figures.resident, figures.used));
  fields.Add("fragmentation.bytes", figures.resident - figures.used);
}

void Stats(Call& call) {
  const MemoryFigures figures = MemoryFigures::Take(Connection::Of(call).server());
  const std::vector<DatabaseTables> databases = TablesByDatabase(call.keyspace());
  std::int64_t keys = 0;
  for (const DatabaseTables& tables : databases) keys += static_cast<std::int64_t>(tables.keys);
  const std::int64_t beyond_base = figures.used - figures.base;
  Fields fields(call.reply());
  fields.Add("peak.allocated", figures.peak);
  fields.Add("total.allocated", figures.used);
  fields.Add("startup.allocated", figures.base);
  fields.Add("replication.backlog", 0);
  fields.Add("clients.slaves", 0);
  fields.Add("clients.normal", figures.clients);
  fields.Add("cluster.links", 0);
  fields.Add("aof.buffer", 0);
  fields.Add("lua.caches", figures.scripts);
  fields.Add("functions.caches", figures.functions);
  for (const DatabaseTables& tables : databases) AddDatabase(fields, tables);
  fields.Add("overhead.total", figures.overhead());
  fields.Add("keys.count", keys);
  fields.Add("keys.bytes-per-key", keys == 0 ? 0 : beyond_base / keys);
  fields.Add("dataset.bytes", figures.dataset());
  fields.AddRatio("dataset.percentage", MemoryRatio(figures.dataset(), beyond_base) * 100);
  fields.AddRatio("peak.percentage", MemoryRatio(figures.used, figures.peak) * 100);
  AddAllocator(fields, figures);
  fields.End();
}

void Doctor(Call& call) {
  std::size_t keys = 0;
  for (const DatabaseTables& tables : TablesByDatabase(call.keyspace())) keys += tables.keys;
  Server& server = Connection::Of(call).server();
  call.reply().Verbatim(
      "txt", MemoryDoctor(MemoryFigures::Take(server), server.config().Int("maxmemory"), keys));
}

void Purge(Call& call) {
  PurgeAllocator();
  call.reply().Ok();
}

void MallocStats(Call& call) { call.reply().Verbatim("txt", AllocatorReport()); }

constexpr std::string_view kTips =
    "nondeterministic_output request_policy:all_shards response_policy:special";
constexpr std::string_view kAllocatorComplexity =
    "Depends on how much memory is allocated, could be slow";

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "MEMORY DOCTOR",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = "O(1)",
          .summary = "Returns a report about memory, for people.",
          .tips = kTips,
          .run = &Doctor}),
    Spec({.syntax = "MEMORY HELP",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "MEMORY MALLOC-STATS",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = kAllocatorComplexity,
          .summary = "Returns the allocator's own report.",
          .tips = kTips,
          .run = &MallocStats}),
    Spec({.syntax = "MEMORY PURGE",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = kAllocatorComplexity,
          .summary = "Gives memory that holds nothing back to the system.",
          .tips = "request_policy:all_shards response_policy:all_succeeded",
          .run = &Purge}),
    Spec({.syntax = "MEMORY STATS",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = "O(1)",
          .summary = "Returns where the memory is, in numbers.",
          .tips = kTips,
          .run = &Stats}),
    Spec({.syntax = "MEMORY USAGE key [SAMPLES count]",
          .access = "RO",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of samples.",
          .summary = "Returns the bytes that a key and its value take.",
          .run = &Usage}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "MEMORY",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about memory.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> MemoryFamily() { return kSpecs; }

}  // namespace cairn::server
