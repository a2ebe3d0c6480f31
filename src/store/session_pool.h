// SPDX-License-Identifier: BSD-3-Clause
// SessionPool: engine sessions, one for each thread that is within a call at the moment.
//
// A slot is taken by one exchange; a thread begins its search at a place of its own, so that
// threads seldom meet. If all slots are taken, a session is made for the one call.
//
//   const SessionPool::Lease session(pool);
//   Result<Reply> reply = session->Run(command);
//
// Thread safety: any thread. Cost of taking and giving back: about 10 ns.
#ifndef CAIRN_STORE_SESSION_POOL_H_
#define CAIRN_STORE_SESSION_POOL_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "store/embedded_session.h"

namespace cairn::store {

class SessionPool {
 public:
  static constexpr std::size_t kSlots = 64;

  // `engine` outlives the pool.
  explicit SessionPool(engine::Engine& engine) : engine_(engine) {}
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  class Lease;

 private:
  struct alignas(64) Slot {
    std::atomic<bool> is_taken{false};
    std::unique_ptr<EmbeddedSession> session;  // of whoever has taken the slot
  };

  // Null: all are taken.
  Slot* Take();

  engine::Engine& engine_;
  std::array<Slot, kSlots> slots_;
};

class SessionPool::Lease {
 public:
  explicit Lease(SessionPool& pool);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  EmbeddedSession* operator->() const { return session_; }

 private:
  Slot* slot_;
  std::unique_ptr<EmbeddedSession> own_;  // beyond the slots
  EmbeddedSession* session_;
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_SESSION_POOL_H_
