// SPDX-License-Identifier: BSD-3-Clause
// Living under others: daemonize, pid files, systemd and upstart, and a look at the system's
// settings.
#ifndef CAIRN_SERVER_SUPERVISOR_H_
#define CAIRN_SERVER_SUPERVISOR_H_

#include <functional>
#include <string>
#include <string_view>

#include "server/config.h"

namespace cairn::server {

// Goes on in a child without terminal; the parent exits with 0. False if that failed. Main thread,
// before any other thread.
bool Daemonize();

// Where the pid goes: `pidfile`, or Redis's default when daemonized; empty for nowhere.
std::string PidFilePath(const Config& config);

// Tells systemd (NOTIFY_SOCKET) how things stand, or upstart (SIGSTOP) that we are ready, as
// `supervised` says; auto looks at the environment. `state` is systemd's: "READY=1\n".
void NotifySupervisor(const Config& config, std::string_view state);

// --check-system: prints what of the kernel's settings stands in the way of a fast cache; returns 0
// if nothing does, else 1.
int CheckSystem(const std::function<void(std::string_view)>& print);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_SUPERVISOR_H_
