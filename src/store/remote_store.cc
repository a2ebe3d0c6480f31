// SPDX-License-Identifier: BSD-3-Clause
// A command that the server lists is one that it has; names and versions only tell kinds apart.
#include "store/remote_store.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "client/remote_client.h"
#include "foreign/foreign_client.h"

namespace cairn::store {
namespace {

using cache::Capabilities;
using cache::Command;
using cache::Reply;
using cache::Result;

// The commands that stand for a feature each, in the order of the reply.
struct Feature {
  std::string_view command;
  bool Capabilities::* flag;
};
constexpr Feature kFeatures[] = {
    {"CACHE.GET", &Capabilities::leases},       {"CACHE.SET", &Capabilities::versions},
    {"TAG.BUMP", &Capabilities::tags},          {"NAMESPACE.CLEAR", &Capabilities::namespaces},
    {"LIMIT.GCRA", &Capabilities::limits},      {"LOCK.ACQUIRE", &Capabilities::locks},
    {"CACHE.ACK", &Capabilities::write_behind}, {"CACHE.HOTKEYS", &Capabilities::hot_keys},
};

// What is so where these are scripts (docs/toolkit/foreign-stores.md).
constexpr std::string_view kForeignWeaker[] = {
    ("A cached value is a hash there: GET replies WRONGTYPE, EXISTS and SCAN see leases, known "
     "absence and tombstones as keys, and DEL forgets versions."),
    ("Who waits for a load or a lock asks again every 20 ms, in no order; INFO of a lock counts no "
     "waiters."),
    "Tags are for what CACHE.SET has stored; how many values carry one is not counted.",
    ("A namespace has times and a clear, which reaches what was stored by CACHE.* since it was "
     "declared; its caps on memory, absences and leases are kept, not enforced."),
    ("If the key of all tags is lost, by eviction or FLUSHDB, everything that has a tag or a "
     "namespace counts as gone; once 65,536 tags have been bumped, what was stored before is "
     "stale."),
    ("What a failover or a crash of the server loses, an acknowledged invalidation with it, is "
     "lost: use WAIT, or appendfsync always. Locks are confirmed by a replica, if there is one."),
    "A limit's bucket may take 126 years to fill, not 317.",
    "There is no CACHE.HOTKEYS: a near cache's promotion knows what its own process reads.",
};
constexpr std::string_view kClusterWeaker[] = {
    ("Tags lie in one slot: reads of tagged values take two more round trips, misses as many, and "
     "a fill that races with a bump may be told OK though readers see it as bumped."),
    ("CACHE.*, TAG.* and NAMESPACE.* cannot be had in transactions, and the order of a "
     "pipeline does not hold for them."),
};

// The value of "name:value" in INFO's text; empty if there is none.
std::string_view Field(std::string_view info, std::string_view name) {
  const std::string wanted = "\n" + std::string(name) + ":";
  const std::size_t at = info.find(wanted);
  if (at == info.npos) return {};
  const std::string_view rest = info.substr(at + wanted.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

void ReadInfo(std::string_view info, Capabilities* found) {
  using Kind = Capabilities::Kind;
  struct Row {
    std::string_view field;
    Kind kind;
  };
  for (const Row& row : {Row{"cairn_version", Kind::kCairn}, Row{"valkey_version", Kind::kValkey},
                         Row{"redis_version", Kind::kRedis}}) {
    const std::string_view version = Field(info, row.field);
    if (version.empty()) continue;
    found->kind = row.kind;
    found->version = version;
    return;
  }
}

// Why nothing may be written behind; empty: it may. Who writes behind is told that his write is
// safe, so the server must not be free to evict the log.
std::string WhyNotBehind(std::string_view memory) {
  const std::string_view policy = Field(memory, "maxmemory_policy");
  if (policy.empty())
    return "INFO does not tell whether the server evicts what waits to be written";
  if (!policy.starts_with("allkeys") || Field(memory, "maxmemory") == "0") return {};
  return "the server may evict what waits to be written: its maxmemory-policy is " +
         std::string(policy);
}

// Of a server, as its INFO has it.
std::size_t ReplicasOf(std::string_view replication) {
  const auto count = ParseInt64(Field(replication, "connected_slaves"));
  return count && *count > 0 ? static_cast<std::size_t>(*count) : 0;
}

// [[first slot, last slot, master, replicas...], ...]: of the master that has the fewest.
std::size_t ReplicasOf(std::span<const Reply> slots) {
  constexpr std::size_t kWithoutReplicas = 3;
  std::size_t fewest = slots.empty() ? kWithoutReplicas : SIZE_MAX;
  for (const Reply& range : slots) fewest = std::min(fewest, range.elements().size());
  return std::max(fewest, kWithoutReplicas) - kWithoutReplicas;
}

struct Found {
  Capabilities capabilities = {.kind = Capabilities::Kind::kRedis};
  bool is_foreign = false;  // none of ours are native there
  std::string no_write_behind = {};
};

void MakeForeign(bool is_cluster, std::string_view memory, Found* found) {
  Capabilities& told = found->capabilities;
  found->is_foreign = true;
  found->no_write_behind = WhyNotBehind(memory);
  for (const Feature& feature : kFeatures) told.*feature.flag = true;
  told.write_behind = found->no_write_behind.empty();
  told.hot_keys = false;
  for (const std::string_view weaker : kForeignWeaker) told.weaker.emplace_back(weaker);
  told.weaker.push_back(told.write_behind
                            ? "What waits to be written is kept as long as the server's "
                              "maxmemory-policy is none of allkeys-*; entries that others delete "
                              "from the log are noticed when their key is read."
                            : "No write-behind: " + found->no_write_behind + ".");
  if (!is_cluster) return;
  for (const std::string_view weaker : kClusterWeaker) told.weaker.emplace_back(weaker);
}

Result<Found> FindOut(cache::Client& client, const client::Uri& uri) {
  Command commands("COMMAND", "INFO");
  for (const Feature& feature : kFeatures) commands.Add(feature.command);
  const bool is_cluster = uri.kind == client::Uri::Kind::kCluster;
  const std::vector<Command> questions = {
      Command("INFO", "server"), Command("INFO", "memory"), std::move(commands),
      is_cluster ? Command("CLUSTER", "SLOTS") : Command("INFO", "replication")};
  cache::Replies replies = client.Pipeline(questions);
  Found found;
  Capabilities& told = found.capabilities;
  // Whoever may not ask (ACL) is told of the least.
  if (replies[0]) ReadInfo("\n" + std::string(replies[0]->text()), &told);
  for (const cache::Result<Reply>& reply : replies) {
    if (!reply && reply.error().code != cache::Errc::kServer) return std::unexpected(reply.error());
  }
  const std::span<const Reply> rows =
      replies[2] ? replies[2]->elements() : std::span<const Reply>();
  bool has_any = false;
  for (std::size_t i = 0; i < std::size(kFeatures); ++i) {
    const bool has = i < rows.size() && !rows[i].elements().empty();
    told.*kFeatures[i].flag = has;
    has_any = has_any || has;
  }
  const std::string memory = "\n" + std::string(replies[1] ? replies[1]->text() : "");
  if (!has_any && told.kind != Capabilities::Kind::kCairn) MakeForeign(is_cluster, memory, &found);
  if (replies[3]) {
    told.replicas = is_cluster ? ReplicasOf(replies[3]->elements())
                               : ReplicasOf("\n" + std::string(replies[3]->text()));
  }
  told.waiting = told.subscriptions = true;
  told.tracking = uri.protocol >= 3;
  if (!told.tracking)
    told.weaker.emplace_back("No tracking: nobody tells a near cache of changes, so it is off.");
  if (is_cluster)
    told.weaker.emplace_back("Commands of several slots are cut up, and are not atomic.");
  return found;
}

class RemoteStore final : public cache::Store::Body {
 public:
  RemoteStore(const cache::StoreOptions& options, std::unique_ptr<cache::Client> client,
              Found found, bool is_cluster)
      : Body(options), capabilities_(std::move(found.capabilities)) {
    if (!found.is_foreign) {
      client_ = std::move(client);
      return;
    }
    client_ = std::make_unique<foreign::ForeignClient>(
        std::move(client),
        foreign::Planner::Options{.is_cluster = is_cluster,
                                  .no_write_behind = std::move(found.no_write_behind)},
        foreign::ForeignClient::Surroundings{
            .clock = clock(),
            .scheduler = [this]() -> cache::Scheduler& { return scheduler(); },
            .timeout = options.timeout});
  }

  cache::Client& client() override { return *client_; }
  const Capabilities& capabilities() const override { return capabilities_; }

 private:
  const Capabilities capabilities_;
  std::unique_ptr<cache::Client> client_;
};

}  // namespace

Result<std::unique_ptr<cache::Store::Body>> OpenRemote(std::string_view text,
                                                       const cache::StoreOptions& options) {
  auto uri = client::Uri::Parse(text);
  if (!uri) return Pass(std::move(uri));
  auto client = client::RemoteClient::Open(*uri, options);
  if (!client) return Pass(std::move(client));
  auto found = FindOut(**client, *uri);
  if (!found) return Pass(std::move(found));
  const bool is_cluster = uri->kind == client::Uri::Kind::kCluster;
  return std::make_unique<RemoteStore>(options, *std::move(client), *std::move(found), is_cluster);
}

}  // namespace cairn::store
