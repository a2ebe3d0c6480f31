// SPDX-License-Identifier: BSD-3-Clause
// A thread's place in the pool follows from the address of a variable of its own.
#include "store/session_pool.h"

#include <cstdint>

namespace cairn::store {
namespace {

std::size_t PlaceOfThread() {
  thread_local const char marker = 0;
  // Addresses of threads' variables differ by whole pages.
  return static_cast<std::size_t>(
      (reinterpret_cast<std::uintptr_t>(&marker) >> 12) * 0x9e3779b97f4a7c15 >> 32);
}

}  // namespace

SessionPool::Slot* SessionPool::Take() {
  const std::size_t first = PlaceOfThread();
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[(first + i) % kSlots];
    // acquire: what the session's last user wrote.
    if (!slot.is_taken.exchange(true, std::memory_order_acquire)) return &slot;
  }
  return nullptr;
}

SessionPool::Lease::Lease(SessionPool& pool) : slot_(pool.Take()) {
  if (slot_ == nullptr) {
    own_ = std::make_unique<EmbeddedSession>(pool.engine_);
    session_ = own_.get();
    return;
  }
  if (slot_->session == nullptr) slot_->session = std::make_unique<EmbeddedSession>(pool.engine_);
  session_ = slot_->session.get();
}

SessionPool::Lease::~Lease() {
  if (slot_ != nullptr) slot_->is_taken.store(false, std::memory_order_release);
}

}  // namespace cairn::store
