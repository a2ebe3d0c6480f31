// SPDX-License-Identifier: BSD-3-Clause
// Becoming a daemon, telling the supervisor, and warning of settings. The systemd protocol is
// sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names.
#include "server/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "io/fd.h"
#include "io/file.h"
#include "server/config_enums.h"

namespace cairn::server {
namespace {

void NotifySystemd(std::string_view socket_path, std::string_view state) {
  sockaddr_un address = {};
  if (socket_path.empty() || socket_path.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  // "@name" is a socket of the abstract namespace, whose names begin with a zero byte.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const io::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path.size());
  // Whether anybody listens is the supervisor's affair.
  ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), size);
}

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool FileSays(const std::string& path, std::string_view word) {
  const Result<std::string> text = io::ReadFile(path);
  return text && text->find(word) != std::string::npos;
}

}  // namespace

bool Daemonize() {
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child > 0) ::_exit(0);
  ::setsid();
  const io::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return false;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(null.get(), standard);
  return true;
}

std::string PidFilePath(const Config& config) {
  std::string path = config.Text("pidfile");
  if (!path.empty() || !config.Bool("daemonize")) return path;
  return "/var/run/redis.pid";
}

void NotifySupervisor(const Config& config, std::string_view state) {
  const auto supervised = config.Choice<Supervised>("supervised");
  const bool is_auto = supervised == Supervised::kAuto;
  if (supervised == Supervised::kSystemd || is_auto)
    NotifySystemd(Environment("NOTIFY_SOCKET"), state);
  const bool upstart =
      supervised == Supervised::kUpstart || (is_auto && !Environment("UPSTART_JOB").empty());
  if (upstart && state.starts_with("READY")) ::raise(SIGSTOP);
}

int CheckSystem(const std::function<void(std::string_view)>& print) {
  int status = 0;
  const auto check = [&](std::string_view what, bool good, std::string_view advice) {
    print(std::string("[") + std::string(what) + "]..." +
          (good ? "OK\n" : "WARNING\n" + std::string(advice) + "\n"));
    if (!good) status = 1;
  };
  check("somaxconn", !FileSays("/proc/sys/net/core/somaxconn", "128\n"),
        "net.core.somaxconn is 128: bursts of new connections may be dropped; set it to "
        "tcp-backlog or more.");
  check("transparent huge pages",
        !FileSays("/sys/kernel/mm/transparent_hugepage/enabled", "[always]"),
        "Huge pages for everything make memory use coarser: 'madvise' is the better setting.");
  return status;
}

}  // namespace cairn::server
