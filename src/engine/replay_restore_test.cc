// SPDX-License-Identifier: BSD-3-Clause
// RESTORE in the log: values of every type, with and without times, absolute and relative,
// replacing and not, must leave twins equal whose clocks do not agree.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "codec/dump.h"
#include "engine/replay_testing.h"
#include "value/collection_testing.h"

namespace cairn::engine {
namespace {

constexpr value::HashLimits kHashLimits = {.packed_entries = 8, .packed_value_bytes = 64};
constexpr value::SetLimits kSetLimits = {
    .int_entries = 8, .packed_entries = 8, .packed_value_bytes = 64};
constexpr value::SortedSetLimits kSortedSetLimits = {.packed_entries = 8, .packed_value_bytes = 64};

// The dump of some value; a hash may have fields that expire soon.
std::string SomeDump(Random& random, UnixMs now_ms) {
  constexpr auto kLzf = codec::RdbCompression::kLzf;
  value::TestHome home;
  value::Hash hash;
  value::Set set;
  value::SortedSet sorted_set;
  value::List list;
  const std::uint64_t count = 1 + random.Below(20);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string text = (random.Below(2) == 0 ? "m" : "") + std::to_string(random.Below(100));
    const std::string_view view = text;
    hash.Set(text, "value", kHashLimits, home.home);
    if (random.Below(6) == 0)
      hash.SetExpiry(text, now_ms + 1 + static_cast<UnixMs>(random.Below(500)), home.home);
    set.Add(text, kSetLimits, home.home);
    sorted_set.Add(text, static_cast<double>(i), {}, kSortedSetLimits, home.home);
    list.Push(value::ListEnd::kBack, std::span(&view, 1), {});
  }
  switch (random.Below(5)) {
    case 0:
      return codec::DumpOf(hash, kLzf);
    case 1:
      return codec::DumpOf(set, kLzf);
    case 2:
      return codec::DumpOf(sorted_set, kLzf);
    case 3:
      return codec::DumpOf(list, kLzf);
    default:
      return codec::DumpOf(std::string_view("text"), kLzf);
  }
}

ReplayArgs SomeRestore(Twins& twins) {
  Random& random = twins.random();
  const UnixMs now_ms = twins.clock().NowUnixUs() / 1000;
  ReplayArgs args = {"RESTORE", "k" + std::to_string(random.Below(10)), "0",
                     SomeDump(random, now_ms)};
  if (random.Below(2) == 0) {
    args[2] = std::to_string(1 + random.Below(300));
  } else if (random.Below(2) == 0) {
    args[2] = std::to_string(now_ms - 50 + static_cast<UnixMs>(random.Below(300)));
    args.emplace_back("ABSTTL");
  }
  if (random.Below(4) != 0) args.emplace_back("REPLACE");
  if (random.Below(4) == 0) args.insert(args.end(), {"IDLETIME", "100"});
  return args;
}

TEST(ReplayRestore, TwinsStayEqual) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Twins twins(seed, 3);
  for (int step = 0; step < 4'000; ++step) {
    twins.Execute(twins.random().Below(5) == 0
                      ? ReplayArgs{"DEL", "k" + std::to_string(twins.random().Below(10))}
                      : SomeRestore(twins));
    if (step % 50 == 49) twins.Compare();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace cairn::engine
