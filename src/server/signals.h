// SPDX-License-Identifier: BSD-3-Clause
// Signals: SIGTERM and SIGINT ask for a shutdown, and a SIGINT after either ends the process at
// once, with status 1; SIGHUP and SIGUSR1 ask for reopening the log; SIGPIPE is ignored; a crash
// prints a report.
//
// Otherwise handlers only set a flag, which the main thread takes; all other threads block these
// signals (base/thread.h).
#ifndef CAIRN_SERVER_SIGNALS_H_
#define CAIRN_SERVER_SIGNALS_H_

#include <cstdint>

namespace cairn::server {

enum class SignalAction : std::uint8_t { kNone, kTerminate, kInterrupt, kReopen };

// Main thread, once, before other threads start.
void InstallSignalHandlers();
// What a signal has asked for since the last call. Main thread.
SignalAction TakeSignal();
// The shutdown that a signal asked for is not going to be: the next SIGINT is a first one.
void NoteShutdownIsRefused();

}  // namespace cairn::server

#endif  // CAIRN_SERVER_SIGNALS_H_
