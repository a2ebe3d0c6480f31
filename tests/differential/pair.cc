// SPDX-License-Identifier: BSD-3-Clause
// Replies are read after the whole pipeline is out; it is short enough for the sockets' buffers,
// and SendBytes reads on meanwhile if it is not.
#include "differential/pair.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "differential/comparison.h"
#include "support/notation.h"

namespace cairn::differential {
namespace {

using testing::Channel;
using testing::Reply;

constexpr int kReplyTimeoutMs = 20'000;
constexpr int kDatabasesLookedAt = 3;
constexpr std::size_t kKeyLookups = 5;  // commands per key in the look at the end

Status SendAll(Channel& channel, const Sequence& commands) {
  std::string bytes;
  for (const Command& command : commands) bytes += testing::EncodeCommand(command);
  return channel.SendBytes(bytes);
}

Result<Reply> ReceiveOne(Channel& channel) {
  Result<std::optional<Reply>> reply = channel.Receive(kReplyTimeoutMs);
  if (!reply) return std::unexpected(reply.error());
  if (!*reply) return Fail(StatusCode::kIo, "no reply in time");
  return std::move(**reply);
}

// What MULTI has queued: EXEC's replies are compared each by its command.
class Queue {
 public:
  bool Agree(const Command& command, const Reply& ours, const Reply& theirs) {
    if (theirs.text == "QUEUED") {
      queued_.push_back(&command);
      return ours == theirs;
    }
    const bool executes = EqualsIgnoreCase(command.front(), "EXEC");
    if (!executes && !EqualsIgnoreCase(command.front(), "DISCARD"))
      return differential::Agree(command, ours, theirs);
    const std::vector<const Command*> queued = std::exchange(queued_, {});
    if (ours.type != theirs.type || ours.items.size() != theirs.items.size()) return false;
    if (!executes || theirs.items.size() != queued.size()) return ours == theirs;
    for (std::size_t i = 0; i < queued.size(); ++i) {
      if (!differential::Agree(*queued[i], ours.items[i], theirs.items[i])) return false;
    }
    return true;
  }

 private:
  std::vector<const Command*> queued_;
};

// Sends the same to both; the first command of whose replies they do not agree on.
Result<std::optional<Difference>> Exchange(Channel& ours, Channel& theirs,
                                           const Sequence& commands) {
  if (Status status = SendAll(ours, commands); !status.ok()) return std::unexpected(status);
  if (Status status = SendAll(theirs, commands); !status.ok()) return std::unexpected(status);
  std::optional<Difference> first;
  Queue queue;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Result<Reply> their_reply = ReceiveOne(theirs);
    if (!their_reply) return std::unexpected(their_reply.error().Annotate("the oracle"));
    Result<Reply> our_reply = ReceiveOne(ours);
    if (!our_reply) {
      return std::unexpected(
          our_reply.error().Annotate("our server at " + testing::Quote(commands[i].front())));
    }
    if (first || queue.Agree(commands[i], *our_reply, *their_reply)) continue;
    first = Difference{.index = i,
                       .command = commands[i],
                       .ours = std::move(*our_reply),
                       .theirs = std::move(*their_reply)};
  }
  return first;
}

Result<std::unique_ptr<Channel>> Connect(int port, int protocol) {
  Result<std::unique_ptr<Channel>> channel = testing::ConnectTcp(port);
  if (!channel) return channel;
  Result<Reply> hello = Call(**channel, {"HELLO", std::to_string(protocol)});
  if (!hello) return std::unexpected(hello.error());
  if (hello->type == testing::ReplyType::kError) return Fail(StatusCode::kInvalid, hello->text);
  return channel;
}

// What shows all that a collection holds; nothing for a string, which GET shows.
Command AskContents(std::string_view type, const std::string& key) {
  if (type == "list") return {"LRANGE", key, "0", "-1"};
  if (type == "hash") return {"HGETALL", key};
  if (type == "set") return {"SMEMBERS", key};
  if (type == "zset") return {"ZRANGE", key, "0", "-1", "WITHSCORES"};
  if (type == "stream") return {"XRANGE", key, "-", "+"};
  return {};
}

// A word as a compat script would have it.
std::string NotateWord(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.*#{}";
  constexpr std::size_t kRepeatMin = 30;
  if (word.size() >= kRepeatMin && word.find_first_not_of(word.front()) == word.npos) {
    return std::string("${") + word.front() + "*" + std::to_string(word.size()) + "}";
  }
  const bool plain = !word.empty() && word.find_first_not_of(kPlain) == word.npos;
  return plain ? word : testing::Quote(word);
}

}  // namespace

Pair::Pair(std::unique_ptr<Channel> ours, std::unique_ptr<Channel> theirs)
    : ours_(std::move(ours)), theirs_(std::move(theirs)) {}

Result<std::unique_ptr<Pair>> Pair::Connect(int our_port, int their_port, int protocol) {
  Result<std::unique_ptr<Channel>> ours = differential::Connect(our_port, protocol);
  if (!ours) return std::unexpected(ours.error().Annotate("our server"));
  Result<std::unique_ptr<Channel>> theirs = differential::Connect(their_port, protocol);
  if (!theirs) return std::unexpected(theirs.error().Annotate("the oracle"));
  return std::unique_ptr<Pair>(new Pair(std::move(*ours), std::move(*theirs)));
}

Result<std::optional<Difference>> Pair::Run(const Sequence& sequence) {
  Sequence commands = {{"FLUSHALL"}, {"SELECT", "0"}};
  const std::size_t before = commands.size();
  commands.insert(commands.end(), sequence.begin(), sequence.end());
  // A shortened sequence may leave a transaction open.
  commands.push_back({"DISCARD"});
  commands.push_back({"UNWATCH"});
  for (int db = 0; db < kDatabasesLookedAt; ++db) {
    commands.push_back({"SELECT", std::to_string(db)});
    commands.push_back({"KEYS", "*"});
  }
  Result<std::optional<Difference>> difference = Exchange(*ours_, *theirs_, commands);
  if (!difference) return difference;
  if (*difference) {
    (*difference)->index -= std::min(before, (*difference)->index);
    return difference;
  }
  // Both have the same keys; now what is in them. Asking the oracle alone for them is enough.
  Sequence look;
  for (int db = 0; db < kDatabasesLookedAt; ++db) {
    if (Result<Reply> select = Call(*theirs_, {"SELECT", std::to_string(db)}); !select) {
      return std::unexpected(select.error());
    }
    Result<Reply> keys = Call(*theirs_, {"KEYS", "*"});
    if (!keys) return std::unexpected(keys.error());
    look.push_back({"SELECT", std::to_string(db)});
    look.reserve(look.size() + keys->items.size() * kKeyLookups);
    for (const Reply& key : keys->items) {
      look.push_back({"TYPE", key.text});
      look.push_back({"GET", key.text});
      look.push_back({"OBJECT", "ENCODING", key.text});
      look.push_back({"PEXPIRETIME", key.text});
      Result<Reply> type = Call(*theirs_, {"TYPE", key.text});
      if (!type) return std::unexpected(type.error());
      if (Command contents = AskContents(type->text, key.text); !contents.empty())
        look.push_back(std::move(contents));
    }
  }
  difference = Exchange(*ours_, *theirs_, look);
  if (difference && *difference) (*difference)->index += sequence.size();
  return difference;
}

Result<Sequence> Pair::Shrink(Sequence sequence) {
  std::size_t piece = std::max<std::size_t>(1, sequence.size() / 2);
  for (;;) {
    bool shorter = false;
    for (std::size_t at = 0; at < sequence.size();) {
      Sequence without = sequence;
      const auto begin = without.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t end = std::min(sequence.size(), at + piece);
      without.erase(begin, without.begin() + static_cast<std::ptrdiff_t>(end));
      Result<std::optional<Difference>> difference = Run(without);
      if (!difference) return std::unexpected(difference.error());
      if (*difference) {
        sequence = std::move(without);
        shorter = true;
      } else {
        at += piece;
      }
    }
    if (piece == 1 && !shorter) return sequence;
    if (!shorter) piece = std::max<std::size_t>(1, piece / 2);
  }
}

std::string Describe(const Sequence& sequence, const Difference& difference) {
  const auto line_of = [](const Command& command) {
    std::string line = "  >";
    for (const std::string& word : command) line += " " + NotateWord(word);
    return line + "\n";
  };
  std::string text;
  for (std::size_t i = 0; i < sequence.size() && i <= difference.index; ++i) {
    text += line_of(sequence[i]);
  }
  if (difference.index >= sequence.size()) text += line_of(difference.command);
  text += "  ours   " + testing::Notate(difference.ours) + "\n";
  text += "  theirs " + testing::Notate(difference.theirs) + "\n";
  return text;
}

}  // namespace cairn::differential
