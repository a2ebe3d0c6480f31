// SPDX-License-Identifier: BSD-3-Clause
// What the files of the sorted set family, and of geo, share: ranges as clients write them, and
// members with scores as they are replied.
#ifndef CAIRN_COMMANDS_SORTED_SETS_H_
#define CAIRN_COMMANDS_SORTED_SETS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "commands/collections.h"
#include "keyspace/txn.h"
#include "value/scored_members.h"
#include "value/sorted_set.h"

namespace cairn::commands {

// "1.5", "(1.5", "-inf". Nothing if either is no number.
std::optional<value::ScoreRange> ParseScoreRange(std::string_view min, std::string_view max);
// "[a", "(a", "-", "+".
std::optional<value::MemberRange> ParseMemberRange(std::string_view min, std::string_view max);

// The ranks that `start` and `stop` name among `size`; negative ones count from the end.
value::RankRange RanksBetween(std::int64_t start, std::int64_t stop, std::size_t size);

// Whether scores stand beside the members: in RESP2 as further elements, in RESP3 in pairs.
enum class Emit : std::uint8_t { kMembers, kPairs };
// The head of a reply of so many members; Emit each after it.
void ReplyMemberCount(command::Call& call, std::size_t count, Emit emit);
void ReplyMember(command::Call& call, std::string_view member, double score, Emit emit);
void ReplyRange(command::Call& call, const value::SortedSet& set, const value::RankRange& range,
                value::Direction direction, Emit emit);

inline const value::SortedSet& SortedSetOf(const keyspace::Found& found) {
  return found.entry->as<value::SortedSet>();
}

// Members to add, with their scores; a handful lies on the stack. Views of arguments.
class MemberList {
 public:
  explicit MemberList(std::size_t count) {
    if (count > few_.size()) many_.resize(count);
    all_ = many_.empty() ? std::span<value::MemberScore>(few_) : many_;
  }
  MemberList(const MemberList&) = delete;
  MemberList& operator=(const MemberList&) = delete;

  // REQUIRES: not more than `count` times.
  void Add(std::string_view member, double score) { all_[size_++] = {member, score}; }
  std::span<const value::MemberScore> entries() const { return all_.first(size_); }

 private:
  std::array<value::MemberScore, 16> few_;
  std::vector<value::MemberScore> many_;
  std::span<value::MemberScore> all_;
  std::size_t size_ = 0;
};

struct AddMode {
  value::ScoreRule rule;
  bool counts_changed = false;  // CH
};
// What ZADD does once its words are read, reply and all: the members come into the call's first
// key.
void AddMembers(command::Call& call, const AddMode& mode,
                std::span<const value::MemberScore> members);

// Tells of `event`, and of "del" if the set went with its last member. `found`: after the edit.
void NotifyTaken(command::Call& call, const keyspace::KeyRef& key, std::string_view event,
                 const keyspace::Found& found);

// The end of a command that stores: the n-th key becomes this sorted set, or goes if it is empty.
// Names the call as its effect, and tells of `event`.
void StoreSortedSet(command::Call& call, std::size_t n, value::SortedSet&& set,
                    std::string_view event);
// The same with a set of these members.
value::SortedSet MakeSortedSet(command::Call& call, std::size_t n,
                               std::span<const value::MemberScore> members);
void StoreMembers(command::Call& call, std::size_t n, std::span<const value::MemberScore> members,
                  std::string_view event);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_SORTED_SETS_H_
