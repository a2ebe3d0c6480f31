// SPDX-License-Identifier: BSD-3-Clause
// cairn-server: reads its configuration, serves, and ends with status 0 on SIGTERM.
//
//   cairn-server [CONF | -] [--directive value ...]
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/standard_output.h"
#include "io/file.h"
#include "server/config.h"
#include "server/config_file.h"
#include "server/server.h"
#include "server/signals.h"
#include "server/supervisor.h"
#include "server/version.h"

namespace cairn::server {
namespace {

constexpr std::string_view kUsage =
    "Usage: cairn-server [/path/to/cairn.conf] [options] [-]\n"
    "       cairn-server - (read the configuration from standard input)\n"
    "       cairn-server -v or --version\n"
    "       cairn-server -h or --help\n"
    "       cairn-server --check-system\n\n"
    "Examples:\n"
    "       cairn-server (with the default configuration)\n"
    "       echo 'maxmemory 128mb' | cairn-server -\n"
    "       cairn-server /etc/redis/redis.conf\n"
    "       cairn-server --port 7777 --io-threads 4\n";

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintError(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

// The answers that need no server. Nothing if one is wanted.
std::optional<int> AnswerAtOnce(LaunchArguments::Action action) {
  switch (action) {
    case LaunchArguments::Action::kServe:
      return std::nullopt;
    case LaunchArguments::Action::kVersion:
      Print(fmt::format("Cairn server v={} redis={} bits=64\n", kCairnVersion, kRedisVersion));
      return 0;
    case LaunchArguments::Action::kHelp:
      Print(kUsage);
      return 0;
    case LaunchArguments::Action::kTestMemory:
      PrintError(
          "cairn-server does not test memory: use a tool made for it, such as memtest86+.\n");
      return 1;
    case LaunchArguments::Action::kCheckSystem:
      return CheckSystem(&Print);
  }
  return 1;
}

int Serve(const LaunchArguments& arguments) {
  const std::string product = fmt::format("Cairn {}", kCairnVersion);
  Config config(ConfigHost::Ask());
  const Result<LoadedConfig> loaded = LoadConfig(arguments, STDIN_FILENO, product, config);
  if (!loaded) {
    PrintError(loaded.error().message());
    return 1;
  }
  if (config.Bool("daemonize") && !Daemonize()) return 1;
  InstallSignalHandlers();
  ::umask(S_IWGRP | S_IWOTH);
  const SystemClock clock;
  Server server(config, clock);
  if (const Status renamed = server.RenameCommands(loaded->renames); !renamed.ok()) {
    PrintError(FatalConfigError(product, renamed.message()));
    return 1;
  }
  if (const Status declared = server.access().Declare(loaded->users); !declared.ok()) {
    PrintError(FatalConfigError(product, declared.message()));
    return 1;
  }
  std::optional<io::PidFile> pid_file;
  if (const std::string path = PidFilePath(config); !path.empty()) {
    if (Result<io::PidFile> created = io::PidFile::Create(path)) {
      pid_file.emplace(std::move(*created));
    } else {
      server.log().Warning(created.error().message());
    }
  }
  server.SetOnReady([&config] { NotifySupervisor(config, "READY=1\n"); });
  if (!server.Start().ok()) return 1;
  const int status = server.RunUntilShutdown();
  NotifySupervisor(config, "STOPPING=1\n");
  return status;
}

}  // namespace
}  // namespace cairn::server

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const cairn::server::LaunchArguments arguments = cairn::server::ParseLaunchArguments(words);
  if (const std::optional<int> status = cairn::server::AnswerAtOnce(arguments.action))
    return cairn::StatusAfterOutput(*status);
  return cairn::server::Serve(arguments);
}
