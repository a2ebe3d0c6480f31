// SPDX-License-Identifier: BSD-3-Clause
// Thread: a named thread of execution that is joined by its owner.
//
// The one place that starts threads, so that each has a name that shows in top and gdb. Join before
// destruction, or it CHECKs.
#ifndef CAIRN_BASE_THREAD_H_
#define CAIRN_BASE_THREAD_H_

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace cairn {

class Thread {
 public:
  Thread() = default;
  // `name`: at most 15 bytes are shown.
  Thread(std::string name, std::function<void()> body);
  Thread(Thread&&) noexcept = default;
  Thread& operator=(Thread&&) noexcept = default;
  ~Thread();
  void Join();
  bool joinable() const { return thread_.joinable(); }
  // Of the calling thread; never 0.
  static std::uintptr_t CurrentId() { return static_cast<std::uintptr_t>(::pthread_self()); }
  // Lets others run: for the rare wait that is over within microseconds.
  static void Yield() { std::this_thread::yield(); }

 private:
  std::thread thread_;
};

}  // namespace cairn

#endif  // CAIRN_BASE_THREAD_H_
