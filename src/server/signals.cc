// SPDX-License-Identifier: BSD-3-Clause
// Handlers that are safe to run anywhere: an atomic store, or, in a crash, write(2) of fixed texts
// and the stack.
//
// The flag is a global, since a signal handler has no other way to reach the server.
#include "server/signals.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace cairn::server {
namespace {

constinit std::atomic<SignalAction> wanted{SignalAction::kNone};

void OnShutdown(int number) {
  wanted.store(number == SIGINT ? SignalAction::kInterrupt : SignalAction::kTerminate,
               std::memory_order_relaxed);
}
void OnReopen(int) {
  SignalAction none = SignalAction::kNone;
  wanted.compare_exchange_strong(none, SignalAction::kReopen, std::memory_order_relaxed);
}

void Say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, text, std::strlen(text));
}

// Tools look for these lines. Then the default action: a core dump with the right signal.
void OnCrash(int number) {
  Say("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
  Say("Cairn crashed by signal: ");
  const char digits[] = {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10),
                         '\n', '\0'};
  Say(digits);
  Say("------ STACK TRACE ------\n");
  constexpr int kFramesMax = 64;
  void* frames[kFramesMax];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, kFramesMax), STDOUT_FILENO);
  Say("=== REDIS BUG REPORT END ===\n");
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void Handle(int number, void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

}  // namespace

void InstallSignalHandlers() {
  Handle(SIGTERM, &OnShutdown, SA_RESTART);
  Handle(SIGINT, &OnShutdown, SA_RESTART);
  Handle(SIGHUP, &OnReopen, SA_RESTART);
  Handle(SIGUSR1, &OnReopen, SA_RESTART);
  Handle(SIGPIPE, SIG_IGN, 0);
  Handle(SIGXFSZ, SIG_IGN, 0);  // a file at its limit is an error like a full disk
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    Handle(number, &OnCrash, static_cast<int>(SA_RESETHAND));
}

SignalAction TakeSignal() {
  return wanted.exchange(SignalAction::kNone, std::memory_order_relaxed);
}

}  // namespace cairn::server
