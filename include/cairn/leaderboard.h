// SPDX-License-Identifier: BSD-3-Clause
// Leaderboard: members by their scores, the highest first; for all time, or a day's, or a week's.
//
//   const Leaderboard<std::string> week(store, {.prefix = "game", .period = Period::kWeek});
//   week.Add("ada", 10);
//   for (const Placed<std::string>& one : week.Top(10).value()) ...
//   week.Around("ada", 5);    // 5 rows: two above, two below, or what the ends leave
//
// Ranks are 1-based and no two members share one: of equal scores the member whose bytes are
// greater stands first, on every store. Days and weeks (from Monday) are UTC's, by the server's
// clock; their keys expire `keep` periods later, and get that time in the step that makes them.
//
// Errors: those of the store; kInvalid of a score that is no number, of a period that is not kept
// (of all time there is none before) and of a negative `keep`; kServer when this machine's clock is
// more than a period from the server's. Thread safety: any thread. Lifetimes: holds the store.
// Cost: one script a call, O(log n + rows).
#ifndef CAIRN_LEADERBOARD_H_
#define CAIRN_LEADERBOARD_H_

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/client.h"
#include "cairn/period.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

// The first is 1.
struct OneBasedRank {
  std::int64_t value = 0;
  auto operator<=>(const OneBasedRank&) const = default;
};

template <class Member>
struct Placed {
  Member member = {};
  double score = 0;
  OneBasedRank rank = {};
};

struct LeaderboardOptions {
  // What the keys begin with, in braces.
  std::string prefix = {};
  Period period = Period::kAllTime;
  // How many past periods can still be read: 0 or more.
  int keep = 8;
};

enum class SetScore : std::uint8_t { kAlways, kIfHigher };

namespace internal {

// A leaderboard of text.
class Board {
 public:
  using Row = Placed<std::string>;
  static constexpr std::size_t kRowsMax = 10'000;

  Board(Store store, LeaderboardOptions options);

  // The commands are scripts over the period's key and its neighbours': the server decides which.
  struct Step {
    Result<void> valid = {};  // else it is not taken
    const Script* script = nullptr;
    std::vector<std::string> keys = {};
    std::vector<std::string> arguments = {};
  };
  Step AddStep(std::string member, double delta) const;
  Step SetStep(std::string member, double score, SetScore when) const;
  Step RemoveStep(std::string member) const;
  Step TopStep(std::size_t count, PeriodsAgo ago) const;
  Step AroundStep(std::string member, std::size_t count, PeriodsAgo ago) const;
  Step PlaceStep(std::string member, PeriodsAgo ago) const;
  Step SizeStep(PeriodsAgo ago) const;

  Task<Result<Reply>> Run(Step step) const;
  static Result<double> ReadScore(Result<Reply> reply);
  static Result<bool> ReadYes(Result<Reply> reply);
  static Result<std::size_t> ReadSize(Result<Reply> reply);
  static Result<std::vector<Row>> ReadRows(Result<Reply> reply);

 private:
  Result<void> Check(PeriodsAgo ago) const;
  Step Make(const Script& script, PeriodsAgo ago) const;

  Store store_;
  LeaderboardOptions options_;
};

}  // namespace internal

template <class M>
concept LeaderboardMember = std::same_as<M, std::string> ||
                            (std::integral<M> && !std::same_as<M, bool> && !std::same_as<M, char>);

template <LeaderboardMember Member>
class Leaderboard {
 public:
  using Row = Placed<Member>;
  using Rows = std::vector<Row>;

  Leaderboard(Store store, LeaderboardOptions options)
      : board_(std::move(store), std::move(options)) {}

  // The new score.
  Result<double> Add(const Member& member, double delta) const {
    return SyncWait(CoAdd(member, delta));
  }
  Task<Result<double>> CoAdd(Member member, double delta) const {
    co_return Board::ReadScore(co_await board_.Run(board_.AddStep(Text(member), delta)));
  }
  // Whether it changed anything.
  Result<bool> Set(const Member& member, double score, SetScore when = SetScore::kAlways) const {
    return SyncWait(CoSet(member, score, when));
  }
  Task<Result<bool>> CoSet(Member member, double score, SetScore when = SetScore::kAlways) const {
    co_return Board::ReadYes(co_await board_.Run(board_.SetStep(Text(member), score, when)));
  }
  Result<bool> Remove(const Member& member) const { return SyncWait(CoRemove(member)); }
  Task<Result<bool>> CoRemove(Member member) const {
    co_return Board::ReadYes(co_await board_.Run(board_.RemoveStep(Text(member))));
  }

  // Of both: internal::Board::kRowsMax rows at most, whatever is asked for.
  Result<Rows> Top(std::size_t count, PeriodsAgo ago = {}) const {
    return SyncWait(CoTop(count, ago));
  }
  Task<Result<Rows>> CoTop(std::size_t count, PeriodsAgo ago = {}) const {
    co_return Typed(Board::ReadRows(co_await board_.Run(board_.TopStep(count, ago))));
  }
  // `count` rows with the member among them, in the middle if neither end is near; fewer only if
  // there are not so many members. None if it is not there.
  Result<Rows> Around(const Member& member, std::size_t count, PeriodsAgo ago = {}) const {
    return SyncWait(CoAround(member, count, ago));
  }
  Task<Result<Rows>> CoAround(Member member, std::size_t count, PeriodsAgo ago = {}) const {
    co_return Typed(
        Board::ReadRows(co_await board_.Run(board_.AroundStep(Text(member), count, ago))));
  }
  // Score and rank; nothing if it is not there.
  Result<std::optional<Row>> Place(const Member& member, PeriodsAgo ago = {}) const {
    return SyncWait(CoPlace(member, ago));
  }
  Task<Result<std::optional<Row>>> CoPlace(Member member, PeriodsAgo ago = {}) const {
    Result<Rows> rows =
        Typed(Board::ReadRows(co_await board_.Run(board_.PlaceStep(Text(member), ago))));
    if (!rows) co_return Pass(std::move(rows));
    std::optional<Row> row;
    if (!rows->empty()) row.emplace(std::move(rows->front()));
    co_return row;
  }
  Result<std::size_t> Size(PeriodsAgo ago = {}) const { return SyncWait(CoSize(ago)); }
  Task<Result<std::size_t>> CoSize(PeriodsAgo ago = {}) const {
    co_return Board::ReadSize(co_await board_.Run(board_.SizeStep(ago)));
  }

 private:
  using Board = internal::Board;

  static std::string Text(const Member& member) {
    if constexpr (std::same_as<Member, std::string>) {
      return member;
    } else {
      return std::to_string(member);
    }
  }
  static Result<Rows> Typed(Result<std::vector<Board::Row>> rows) {
    if (!rows) return Pass(std::move(rows));
    Rows typed;
    for (Board::Row& row : *rows) {
      Row& one = typed.emplace_back(Row{.score = row.score, .rank = row.rank});
      if constexpr (std::same_as<Member, std::string>) {
        one.member = std::move(row.member);
      } else {
        const char* end = row.member.data() + row.member.size();
        if (std::from_chars(row.member.data(), end, one.member).ptr != end)
          return Fail(Errc::kType, "a member is no number: " + row.member);
      }
    }
    return typed;
  }

  Board board_;
};

}  // namespace cairn::cache

#endif  // CAIRN_LEADERBOARD_H_
