// SPDX-License-Identifier: BSD-3-Clause
// The arithmetic of Redis, without its overflows.
#include "persist/aof_rewrites.h"

#include <algorithm>

namespace cairn::persist {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;

}  // namespace

bool AofRewrites::HasGrown(std::uint64_t bytes, std::uint64_t base_bytes, const AofGrowth& growth) {
  if (growth.percent == 0 || bytes <= growth.bytes_min) return false;
  const auto base = static_cast<double>(std::max<std::uint64_t>(base_bytes, 1));
  return static_cast<double>(bytes) >= base * (1 + static_cast<double>(growth.percent) / 100);
}

void AofRewrites::GiveUp(MonotonicUs now_us) {
  figures_.last_s = (now_us - began_us_) / kUsPerSecond;
  began_us_ = kNone;
}

void AofRewrites::End(MonotonicUs now_us, bool ok) {
  GiveUp(now_us);  // as far as its time goes
  figures_.last_ok = ok;
  if (ok) return Forgive();
  const std::uint64_t failures = ++figures_.failures_in_a_row;
  if (failures < kFailuresFree) return;
  const auto doublings = std::min<std::uint64_t>(failures - kFailuresFree, 6);
  not_before_us_ = now_us + std::min(kPauseMaxUs, kPauseUs << doublings);
}

AofRewrites::Figures AofRewrites::FiguresAt(MonotonicUs now_us) const {
  Figures figures = figures_;
  if (began_us_ != kNone) figures.current_s = (now_us - began_us_) / kUsPerSecond;
  return figures;
}

}  // namespace cairn::persist
