// SPDX-License-Identifier: BSD-3-Clause
// A message says who published it and as how manieth. A listener checks that those of one publisher
// only rise, for each of its subscriptions by itself, and that nothing comes but from what it is
// subscribed to. Exactly once follows from the sums: what PUBLISH answered is what arrived, once
// every listener has been told that it listens to nothing any more.
#include "concurrency/messages.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "concurrency/clients.h"
#include "support/notation.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;

constexpr int kPublishers = 3;
constexpr int kListeners = 6;
constexpr int kPipeline = 8;
constexpr int kReplyTimeoutMs = 10'000;

const std::string kChannels[] = {"ch:0", "ch:1", "ch:2", "ch:3"};
const std::string kPatterns[] = {"ch:*", "ch:[01]"};

struct Totals {
  std::atomic<int> publishing{kPublishers};
  std::atomic<std::int64_t> counted{0};  // by the replies of PUBLISH
  std::atomic<std::int64_t> arrived{0};
};

class Listener {
 public:
  Listener(Client& client, Totals& totals) : client_(client), totals_(totals) {}

  void Run() {
    // Every other one over RESP3, where messages are pushes.
    if (client_.index % 2 == 1) client_.Do({"HELLO", "3"});
    while (totals_.publishing.load() > 0 && client_.all.fault().empty()) {
      const bool pattern = client_.random.Below(3) == 0;
      const std::string& name = pattern ? kPatterns[client_.random.Below(std::size(kPatterns))]
                                        : kChannels[client_.random.Below(std::size(kChannels))];
      Toggle(pattern, name);
    }
    // Ends for good, and what is still on its way comes before the last confirmation.
    for (const std::string& name : std::set<std::string>(names_)) {
      Toggle(std::ranges::find(kPatterns, name) != std::end(kPatterns), name);
    }
    totals_.arrived += arrived_;
  }

 private:
  // Subscribes if it is not, unsubscribes if it is, and reads up to the confirmation.
  void Toggle(bool pattern, const std::string& name) {
    const bool leaves = names_.contains(name);
    const std::string command =
        std::string(pattern ? "p" : "") + (leaves ? "unsubscribe" : "subscribe");
    const Status sent = client_.channel.SendCommand({command, name});
    if (!sent.ok()) return client_.all.Complain(command + ": " + std::string(sent.message()));
    for (;;) {
      Result<std::optional<Reply>> reply = client_.channel.Receive(kReplyTimeoutMs);
      if (!reply || !*reply) return client_.all.Complain("no confirmation of " + command);
      const std::vector<Reply>& items = (*reply)->items;
      if (items.size() < 3) return client_.all.Complain("got " + Notate(**reply));
      if (items[0].text == command && items[1].text == name) break;
      if (!Take(items)) return client_.all.Complain("out of order: " + Notate(**reply));
    }
    if (leaves) {
      names_.erase(name);
    } else {
      names_.insert(name);
    }
  }

  bool Take(const std::vector<Reply>& items) {
    ++arrived_;
    const bool pattern = items[0].text == "pmessage";
    if (!pattern && items[0].text != "message") return false;
    if (!names_.contains(items[1].text)) return false;
    const std::string& text = items.back().text;
    const std::size_t colon = text.find(':');
    const std::int64_t number = ParseInt64(text.substr(colon + 1)).value_or(-1);
    std::int64_t& last = last_[items[1].text + "/" + text.substr(0, colon)];
    if (number <= last) return false;
    last = number;
    return true;
  }

  Client& client_;
  Totals& totals_;
  std::set<std::string> names_;
  std::map<std::string, std::int64_t> last_;  // by subscription and publisher
  std::int64_t arrived_ = 0;
};

// In pipelines, so that several messages are on their way at once.
void PublishAll(Client& client, Totals& totals) {
  std::int64_t number = 0;
  while (client.all.GoOn()) {
    for (int i = 0; i < kPipeline; ++i) {
      const std::string& channel = kChannels[client.random.Below(std::size(kChannels))];
      const Status sent = client.channel.SendCommand(
          {"PUBLISH", channel, std::to_string(client.index) + ":" + std::to_string(++number)});
      if (!sent.ok()) client.all.Complain("PUBLISH: " + std::string(sent.message()));
    }
    for (int i = 0; i < kPipeline; ++i) {
      Result<std::optional<Reply>> reply = client.channel.Receive(kReplyTimeoutMs);
      const bool came = reply && reply->has_value();
      if (!came) client.all.Complain("PUBLISH was not answered");
      if (came) totals.counted += ParseInt64((*reply)->text).value_or(0);
    }
  }
  --totals.publishing;
}

// --- Keyspace events ---

constexpr int kWriters = 4;
const std::string kCycle[] = {"set", "append", "expire", "del"};

std::string KeyOf(int writer) { return "key:" + std::to_string(writer); }

void Write(Client& client, std::atomic<std::int64_t>& writes) {
  const std::string key = KeyOf(client.index);
  const std::vector<std::vector<std::string>> cycle = {
      {"SET", key, "v"}, {"APPEND", key, "w"}, {"EXPIRE", key, "1000"}, {"DEL", key}};
  while (client.all.GoOn()) {
    for (const std::vector<std::string>& words : cycle) client.Do(words);
    writes += static_cast<std::int64_t>(cycle.size());
  }
}

// Reads events until the message that says that there are no more.
void Watch(Client& client, std::atomic<std::int64_t>& events) {
  std::map<std::string, std::size_t> next;  // in kCycle, by key
  for (;;) {
    Result<std::optional<Reply>> reply = client.channel.Receive(kReplyTimeoutMs);
    if (!reply || !*reply) return client.all.Complain("no more events");
    const std::vector<Reply>& items = (*reply)->items;
    if (items.size() == 3 && items[0].text == "message") return;  // the end
    if (items.size() != 4) continue;                              // a confirmation
    std::size_t& at = next[items[2].text];
    if (items[3].text != kCycle[at])
      return client.all.Complain("wanted " + kCycle[at] + ", got " + Notate(**reply));
    at = (at + 1) % std::size(kCycle);
    ++events;
  }
}

}  // namespace

Finding MessagesComeOnceAndInOrder(const Setting& setting) {
  Clients clients(setting);
  Totals totals;
  clients.Run(kPublishers + kListeners, [&](Client& client) {
    if (client.index < kPublishers) return PublishAll(client, totals);
    Listener(client, totals).Run();
  });
  if (totals.counted != totals.arrived) {
    clients.Complain(std::to_string(totals.counted) + " were counted, " +
                     std::to_string(totals.arrived) + " arrived");
  }
  return {.fault = clients.fault(), .shown = std::to_string(totals.arrived) + " messages"};
}

Finding EventsFollowWrites(const Setting& setting) {
  Clients clients(setting);
  clients.Run(1, [](Client& client) {
    client.Do({"FLUSHALL"});
    client.Do({"CONFIG", "SET", "notify-keyspace-events", "KA"});
  });
  std::atomic<std::int64_t> writes{0};
  std::atomic<std::int64_t> events{0};
  std::atomic<int> writing{kWriters};
  clients.Run(kWriters + 1, [&](Client& client) {
    if (client.index < kWriters) {
      // The watcher is there before the first write.
      while (client.Do({"PUBSUB", "NUMPAT"}).text != "1" && client.all.GoOn()) {
      }
      Write(client, writes);
      if (--writing == 0) client.Do({"PUBLISH", "end", "x"});
      return;
    }
    (void)client.channel.SendCommand({"SUBSCRIBE", "end"});
    (void)client.channel.SendCommand({"PSUBSCRIBE", "__keyspace@0__:*"});
    Watch(client, events);
  });
  clients.Run(1,
              [](Client& client) { client.Do({"CONFIG", "SET", "notify-keyspace-events", ""}); });
  if (writes != events) {
    clients.Complain(std::to_string(writes) + " writes, " + std::to_string(events) + " events");
  }
  return {.fault = clients.fault(), .shown = std::to_string(events) + " events"};
}

}  // namespace cairn::concurrency
