// SPDX-License-Identifier: BSD-3-Clause
// The commands come from the generator of the differential tester, so from the server's own syntax
// lines; here nothing compares the replies, they only have to be replies, one for each command.
#include "concurrency/load.h"

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "concurrency/clients.h"
#include "differential/commands.h"
#include "differential/generator.h"

namespace cairn::concurrency {
namespace {

using differential::Command;
using differential::CommandGrammar;
using differential::Generator;
using differential::Sequence;
using testing::Channel;

constexpr int kClients = 12;
constexpr std::uint64_t kPipelineMax = 32;
constexpr int kPipelinesPerConnection = 20;
constexpr int kReplyTimeoutMs = 20'000;

std::vector<CommandGrammar> AskGrammars(Client& client) {
  std::vector<CommandGrammar> grammars;
  client.Do({"HELLO", "3"});
  for (const std::string_view name : differential::kCommands) {
    std::optional<CommandGrammar> grammar = differential::AskGrammar(client.channel, name);
    if (grammar) grammars.push_back(std::move(*grammar));
  }
  return grammars;
}

// What the generator does not make: keys about to expire, and large values.
Command SpecialCommand(Random& random) {
  const std::string key = "key:" + std::to_string(random.Below(1000));
  switch (random.Below(4)) {
    case 0:
      return {"SET", key, "v", "PX", std::to_string(1 + random.Below(20))};
    case 1:
      return {"SET", key, std::string(20'000 + random.Below(20'000), 'x')};
    case 2:
      return {"APPEND", key, std::string(random.Below(5000), 'y')};
    default:
      return {"GET", key};
  }
}

// One connection's life: some pipelines, the last of which may go unread.
void RunConnection(Clients& clients, int port, Generator& generator, Random& random,
                   std::atomic<std::int64_t>& commands) {
  Result<std::unique_ptr<Channel>> channel = testing::ConnectTcp(port);
  if (!channel) return clients.Complain("connect: " + std::string(channel.error().message()));
  for (int i = 0; i < kPipelinesPerConnection && clients.GoOn(); ++i) {
    Sequence pipeline = generator.NextSequence(1 + random.Below(kPipelineMax));
    pipeline.push_back(SpecialCommand(random));
    std::string bytes;
    for (const Command& command : pipeline) bytes += testing::EncodeCommand(command);
    if (Status status = (*channel)->SendBytes(bytes); !status.ok()) {
      return clients.Complain("send: " + std::string(status.message()));
    }
    commands += static_cast<std::int64_t>(pipeline.size());
    if (random.Below(100) == 0) return;  // gone with its replies unread
    for (const Command& command : pipeline) {
      Result<std::optional<testing::Reply>> reply = (*channel)->Receive(kReplyTimeoutMs);
      if (reply && *reply) continue;
      return clients.Complain(command.front() + ": " +
                              (reply ? "no reply" : std::string(reply.error().message())));
    }
  }
}

// Limits and policies that change under the load, and a look at the clients now and then.
void RunOperator(Client& client) {
  constexpr std::array<const char*, 10> kPolicies = {
      "noeviction",   "allkeys-lru",     "allkeys-lfu",  "allkeys-random",  "allkeys-s3fifo",
      "volatile-lru", "volatile-s3fifo", "volatile-lfu", "volatile-random", "volatile-ttl"};
  while (client.all.GoOn()) {
    client.Do(
        {"CONFIG", "SET", "maxmemory-policy", kPolicies[client.random.Below(kPolicies.size())]});
    client.Do({"CONFIG", "SET", "maxmemory", client.random.Below(2) == 0 ? "0" : "3mb"});
    client.Do({"INFO"});
    client.Do({"CLIENT", "LIST"});
    client.Do({"SCAN", "0", "COUNT", "100"});
    client.Do({"DBSIZE"});
  }
}

}  // namespace

Finding AnyLoadIsSurvived(const Setting& setting) {
  Clients clients(setting);
  std::vector<CommandGrammar> grammars;
  clients.Run(1, [&](Client& client) {
    // A SETRANGE far out and an EXEC that reads it a few times took the rest of the hour: a reply
    // that comes in pieces is decoded anew with each.
    client.Do({"CONFIG", "SET", "proto-max-bulk-len", "1mb"});
    grammars = AskGrammars(client);
  });
  if (grammars.empty()) return {.fault = "the server documents no command", .shown = ""};
  std::atomic<std::int64_t> commands{0};
  clients.Run(kClients, [&](Client& client) {
    if (client.index == 0) return RunOperator(client);
    Generator generator(grammars, client.random.Next());
    while (clients.GoOn()) {
      RunConnection(clients, setting.port, generator, client.random, commands);
    }
  });
  return {.fault = clients.fault(), .shown = std::to_string(commands) + " commands"};
}

}  // namespace cairn::concurrency
