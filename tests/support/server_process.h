// SPDX-License-Identifier: BSD-3-Clause
// ServerProcess: a server started for a test, on a free port, in a directory of its own.
//
// It lives as long as the object at most: the destructor ends it by its pid, and the kernel kills
// it if this process dies first. It is ready when it answers PING; nobody sleeps for it.
#ifndef CAIRN_TESTS_SUPPORT_SERVER_PROCESS_H_
#define CAIRN_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace cairn::testing {

class ServerProcess {
 public:
  struct Options {
    std::string binary;
    std::string config_path;             // empty: none
    std::vector<std::string> arguments;  // "--name", "value", ...; port and dir are added
    bool has_tls = false;  // a second port, for TLS; `arguments` name certificate and key
  };

  static Result<std::unique_ptr<ServerProcess>> Start(const Options& options);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  int port() const { return port_; }
  // 0: none.
  int tls_port() const { return tls_port_; }
  pid_t pid() const { return pid_; }
  const std::string& directory() const { return directory_; }
  // Whether it still runs (reaps it if not).
  bool Alive();
  // SIGTERM, then SIGKILL after ten seconds. The exit status as waitpid gives it.
  int Stop();
  // Stops it and says what was wrong with it: that it had died, that it did not end with status 0,
  // or a report of a sanitizer or of a crash in its log. Empty if nothing was.
  std::string StopAndExamine();
  // All that it logged, and the end of it.
  std::string Log() const;
  std::string LogTail() const;

 private:
  struct Ports {
    int plain;
    int tls;
  };

  ServerProcess(pid_t pid, Ports ports, std::string directory);

  pid_t pid_;
  int port_;
  int tls_port_;
  int exit_status_ = -1;
  std::string directory_;
};

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_SERVER_PROCESS_H_
