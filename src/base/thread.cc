// SPDX-License-Identifier: BSD-3-Clause
// A new thread begins with every signal blocked, so that those sent to the process (SIGTERM,
// SIGUSR1) reach the main thread only and interrupt no worker's system call. The mask is set by the
// creator, since a thread that blocked them itself would be open for a moment. The faults of a
// thread itself stay open: a crash report is written where the crash is.
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "base/check.h"

namespace cairn {
namespace {

constexpr std::size_t kShownNameMax = 15;  // pthread_setname_np refuses longer ones

sigset_t AllButFaults() {
  sigset_t signals;
  sigfillset(&signals);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    sigdelset(&signals, fault);
  }
  return signals;
}

}  // namespace

Thread::Thread(std::string name, std::function<void()> body) {
  if (name.size() > kShownNameMax) name.resize(kShownNameMax);
  const sigset_t blocked = AllButFaults();
  sigset_t before;
  CHECK(::pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0);
  thread_ = std::thread([name = std::move(name), body = std::move(body)] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    body();
  });
  CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

Thread::~Thread() { CHECK(!thread_.joinable()); }

void Thread::Join() {
  CHECK(thread_.joinable());
  thread_.join();
}

}  // namespace cairn
