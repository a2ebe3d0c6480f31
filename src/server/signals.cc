// SPDX-License-Identifier: BSD-3-Clause
// Handlers that are safe to run anywhere: an atomic store, or, at an end that is not waited for,
// write(2) of fixed texts, unlink(2) and the stack.
//
// Flags and name are globals, since a signal handler has no other way to reach the server.
#include "server/signals.h"

#include <execinfo.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace cairn::server {
namespace {

constinit std::atomic<SignalAction> wanted{SignalAction::kNone};
// A signal has asked for a shutdown, which has not been refused.
constinit std::atomic<bool> is_shutting_down{false};
constinit char unfinished_save[32] = "";  // constant once there are handlers

void Say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, text, std::strlen(text));
}

// The main thread may wait for what never ends: a script that has written. The folder is where the
// process is (Server changes it with `dir`); what is left elsewhere goes at the next start.
void ExitAtOnce() {
  Say("You insist... exiting now.\n");
  ::unlink(unfinished_save);
  ::_exit(1);
}

void OnShutdown(int number) {
  if (is_shutting_down.exchange(true, std::memory_order_relaxed) && number == SIGINT) ExitAtOnce();
  wanted.store(number == SIGINT ? SignalAction::kInterrupt : SignalAction::kTerminate,
               std::memory_order_relaxed);
}
void OnReopen(int) {
  SignalAction none = SignalAction::kNone;
  wanted.compare_exchange_strong(none, SignalAction::kReopen, std::memory_order_relaxed);
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
  *fmt::format_to(unfinished_save, "temp-{}.rdb", ::getpid()) = '\0';
  Handle(SIGTERM, &OnShutdown, SA_RESTART);
  Handle(SIGINT, &OnShutdown, SA_RESTART);
  Handle(SIGHUP, &OnReopen, SA_RESTART);
  Handle(SIGUSR1, &OnReopen, SA_RESTART);
  Handle(SIGPIPE, SIG_IGN, 0);
  Handle(SIGXFSZ, SIG_IGN, 0);  // a file at its limit is an error like a full disk
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    Handle(number, &OnCrash, static_cast<int>(SA_RESETHAND));
}

void NoteShutdownIsRefused() { is_shutting_down.store(false, std::memory_order_relaxed); }

SignalAction TakeSignal() {
  return wanted.exchange(SignalAction::kNone, std::memory_order_relaxed);
}

}  // namespace cairn::server
