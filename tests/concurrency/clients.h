// SPDX-License-Identifier: BSD-3-Clause
// Clients: threads with a connection each, that run until the time is up or one of them complains.
#ifndef CAIRN_TESTS_CONCURRENCY_CLIENTS_H_
#define CAIRN_TESTS_CONCURRENCY_CLIENTS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "concurrency/checks.h"
#include "support/channel.h"

namespace cairn::concurrency {

class Clients;

// What one client's body is given.
struct Client {
  Clients& all;
  testing::Channel& channel;
  int index;
  Random random;

  // The reply to a command. An error reply is a reply; anything else amiss ends all clients, and
  // the reply is null.
  testing::Reply Do(const std::vector<std::string>& args);
};

class Clients {
 public:
  explicit Clients(const Setting& setting);

  // Runs `body` in `count` threads and waits for them.
  void Run(int count, const std::function<void(Client&)>& body);
  // Whether a client should go on. Thread-safe.
  bool GoOn() const;
  // The first fault is kept, and everyone stops. Thread-safe.
  void Complain(const std::string& fault);
  std::string fault() const;

 private:
  const Setting setting_;
  std::chrono::steady_clock::time_point deadline_;
  std::atomic<bool> stopped_{false};  // relaxed: a hint to stop soon
  mutable Mutex mu_;
  std::string fault_ GUARDED_BY(mu_);
};

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_CLIENTS_H_
