// SPDX-License-Identifier: BSD-3-Clause
// Signals: SIGTERM and SIGINT ask for a shutdown, SIGHUP and SIGUSR1 for reopening the log; SIGPIPE
// is ignored; a crash prints a report.
//
// Handlers only set a flag, which the main thread takes; all other threads block these signals
// (base/thread.h).
#ifndef CAIRN_SERVER_SIGNALS_H_
#define CAIRN_SERVER_SIGNALS_H_

#include <cstdint>

namespace cairn::server {

enum class SignalAction : std::uint8_t { kNone, kTerminate, kInterrupt, kReopen };

// Main thread, once, before other threads start.
void InstallSignalHandlers();
// What a signal has asked for since the last call. Main thread.
SignalAction TakeSignal();

}  // namespace cairn::server

#endif  // CAIRN_SERVER_SIGNALS_H_
