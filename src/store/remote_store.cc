// SPDX-License-Identifier: BSD-3-Clause
// A command that the server lists is one that it has; names and versions only tell kinds apart.
#include "store/remote_store.h"

#include <string>
#include <utility>
#include <vector>

#include "client/remote_client.h"

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
  std::string_view weaker;  // what is so without it
};
constexpr Feature kFeatures[] = {
    {"CACHE.GET", &Capabilities::leases,
     "No leases: loads are held apart by a placeholder key or a script."},
    {"CACHE.SET", &Capabilities::versions,
     "No versions: of writers that race, the last to arrive wins."},
    {"TAG.BUMP", &Capabilities::tags,
     "No tags: generations are kept in keys of their own, read with each entry."},
    {"NAMESPACE.CLEAR", &Capabilities::namespaces,
     "No namespaces: clearing means scanning, or another prefix."},
    {"LIMIT.GCRA", &Capabilities::limits, "No limits: they are scripts there."},
    {"LOCK.ACQUIRE", &Capabilities::locks,
     "No locks: they are scripts there, and fences come from a counter."},
    {"CACHE.ACK", &Capabilities::write_behind,
     "No write-behind log: what waits to be written may be evicted."},
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

Result<Capabilities> FindOut(cache::Client& client, const client::Uri& uri) {
  Command commands("COMMAND", "INFO");
  for (const Feature& feature : kFeatures) commands.Add(feature.command);
  const std::vector<Command> questions = {Command("INFO", "server"), std::move(commands)};
  cache::Replies replies = client.Pipeline(questions);
  Capabilities found{.kind = Capabilities::Kind::kRedis};
  // Whoever may not ask (ACL) is told of the least.
  if (replies[0]) ReadInfo("\n" + std::string(replies[0]->text()), &found);
  for (const cache::Result<Reply>& reply : replies) {
    if (!reply && reply.error().code != cache::Errc::kServer) return std::unexpected(reply.error());
  }
  const std::span<const Reply> rows =
      replies[1] ? replies[1]->elements() : std::span<const Reply>();
  for (std::size_t i = 0; i < std::size(kFeatures); ++i) {
    const bool has = i < rows.size() && !rows[i].elements().empty();
    found.*kFeatures[i].flag = has;
    if (!has) found.weaker.emplace_back(kFeatures[i].weaker);
  }
  found.waiting = found.subscriptions = true;
  found.tracking = uri.kind != client::Uri::Kind::kCluster && uri.protocol >= 3;
  if (!found.tracking)
    found.weaker.emplace_back("No tracking: a near cache lives by its time to live alone.");
  if (uri.kind == client::Uri::Kind::kCluster)
    found.weaker.emplace_back("Commands of several slots are cut up, and are not atomic.");
  return found;
}

class RemoteStore final : public cache::Store::Body {
 public:
  RemoteStore(const cache::StoreOptions& options, std::unique_ptr<client::RemoteClient> client,
              Capabilities capabilities)
      : Body(options), client_(std::move(client)), capabilities_(std::move(capabilities)) {}

  cache::Client& client() override { return *client_; }
  const Capabilities& capabilities() const override { return capabilities_; }

 private:
  const std::unique_ptr<client::RemoteClient> client_;
  const Capabilities capabilities_;
};

}  // namespace

Result<std::shared_ptr<cache::Store::Body>> OpenRemote(std::string_view text,
                                                       const cache::StoreOptions& options) {
  auto uri = client::Uri::Parse(text);
  if (!uri) return Pass(std::move(uri));
  auto client = client::RemoteClient::Open(*uri, options);
  if (!client) return Pass(std::move(client));
  auto capabilities = FindOut(**client, *uri);
  if (!capabilities) return Pass(std::move(capabilities));
  return std::make_shared<RemoteStore>(options, *std::move(client), *std::move(capabilities));
}

}  // namespace cairn::store
