// SPDX-License-Identifier: BSD-3-Clause
// A deque with the newest in front. Arguments are copied and cut before the lock is taken, so
// that adding to the log under it is a move.
#include "server/slow_log.h"

#include <algorithm>

namespace cairn::server {
namespace {

std::string Shortened(std::string_view arg) {
  if (arg.size() <= SlowLog::kArgBytesMax) return std::string(arg);
  return std::string(arg.substr(0, SlowLog::kArgBytesMax)) + "... (" +
         std::to_string(arg.size() - SlowLog::kArgBytesMax) + " more bytes)";
}

std::vector<std::string> Shortened(std::span<const std::string_view> args) {
  std::vector<std::string> kept;
  const std::size_t count = std::min(args.size(), SlowLog::kArgsMax);
  for (std::size_t i = 0; i < count; ++i) {
    const bool last_of_more = i + 1 == SlowLog::kArgsMax && args.size() > SlowLog::kArgsMax;
    kept.push_back(last_of_more ? "... (" + std::to_string(args.size() - SlowLog::kArgsMax + 1) +
                                      " more arguments)"
                                : Shortened(args[i]));
  }
  return kept;
}

}  // namespace

void SlowLog::SetLengthMax(std::size_t length_max) {
  MutexLock hold(mu_);
  length_max_ = length_max;
  while (entries_.size() > length_max_) entries_.pop_back();
}

void SlowLog::Add(std::span<const std::string_view> args, SlowEntry entry) {
  entry.args = Shortened(args);
  MutexLock hold(mu_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_max_) entries_.pop_back();
}

std::vector<SlowEntry> SlowLog::Newest(std::size_t count) const {
  MutexLock hold(mu_);
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries_.size()));
  return {entries_.begin(), end};
}

std::size_t SlowLog::length() const {
  MutexLock hold(mu_);
  return entries_.size();
}

void SlowLog::Reset() {
  MutexLock hold(mu_);
  entries_.clear();
}

}  // namespace cairn::server
