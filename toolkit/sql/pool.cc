// SPDX-License-Identifier: BSD-3-Clause
// Lending, and waiting for what is lent.
#include "sql/pool.h"

#include <algorithm>

namespace cairn::cache::sql {

Limits Pool::LimitsOf(const SqlCall& call) const {
  return Limits{.clock = options_.clock,
                .deadline = DeadlineOf(*options_.clock, call.timeout.value_or(options_.timeout)),
                .stop = call.stop};
}

Result<Pool::Lease> Pool::Take(const Limits& limits) {
  while (true) {
    Result<std::unique_ptr<Driver>> driver = Wait(limits);
    if (!driver) return Pass(std::move(driver));
    if (*driver == nullptr) {
      driver = make_(limits);
      if (!driver) {
        GiveUpRight();
        return Pass(std::move(driver));
      }
    } else if (!(*driver)->IsUsable()) {
      GiveUpRight();
      continue;
    }
    (*driver)->set_limits(limits);
    return Lease(this, std::move(*driver));
  }
}

Result<std::unique_ptr<Driver>> Pool::Wait(const Limits& limits) {
  if (Result<void> in_time = limits.Check(); !in_time) return Pass(std::move(in_time));
  std::unique_lock lock(mu_);
  const auto is_free = [&] { return !idle_.empty() || made_ < options_.connections_max; };
  if (!is_free()) {
    if (waiters_ >= options_.waiters_max)
      return Fail(Errc::kLimit, std::to_string(waiters_) + " callers wait for a connection");
    ++waiters_;
    freed_.wait_for(lock, limits.stop, limits.left(), is_free);
    --waiters_;
    if (!is_free()) {
      if (Result<void> in_time = limits.Check(); !in_time) return Pass(std::move(in_time));
      return Fail(Errc::kTimeout, "no connection became free in time");
    }
  }
  if (idle_.empty()) {
    ++made_;
    return nullptr;
  }
  std::unique_ptr<Driver> driver = std::move(idle_.back());
  idle_.pop_back();
  return driver;
}

void Pool::GiveUpRight() {
  const std::lock_guard lock(mu_);
  --made_;
  freed_.notify_one();
}

void Pool::Give(std::unique_ptr<Driver> driver) {
  if (!driver->IsUsable()) {
    driver.reset();  // outside of the lock: closing may take a system call or two
    GiveUpRight();
    return;
  }
  const std::lock_guard lock(mu_);
  idle_.push_back(std::move(driver));
  freed_.notify_one();
}

}  // namespace cairn::cache::sql
