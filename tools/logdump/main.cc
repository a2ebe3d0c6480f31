// SPDX-License-Identifier: BSD-3-Clause
// logdump [--key GLOB] [--db N] [--from AT] [--to AT] [--full] FILE|DIRECTORY
//
// Status 0; 1 if a file cannot be read to its end, 2 if the arguments are not understood.
#include <fmt/format.h>

#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "base/standard_output.h"
#include "command/table.h"
#include "engine/families.h"
#include "io/disk.h"
#include "logdump/logdump.h"
#include "logdump/options.h"
#include "server/families.h"
#include "server/version.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const cairn::Result<cairn::logdump::Options> options = cairn::logdump::ParseOptions(words);
  if (options && options->action != cairn::logdump::Options::Action::kDump) {
    const bool is_help = options->action == cairn::logdump::Options::Action::kHelp;
    const std::string text = is_help ? std::string(cairn::logdump::kUsage)
                                     : fmt::format("logdump {}\n", cairn::server::kCairnVersion);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return cairn::StatusAfterOutput(0);
  }
  if (!options) {
    const std::string text = "logdump: " + std::string(options.error().message()) + "\n" +
                             std::string(cairn::logdump::kUsage);
    std::fputs(text.c_str(), stderr);
    return 2;
  }
  std::vector<std::span<const cairn::command::Spec>> families = cairn::engine::EngineFamilies();
  for (const auto family : cairn::server::ServerFamilies()) families.push_back(family);
  const cairn::command::CommandTable commands(families);
  cairn::io::SystemDisk disk;
  // A pipe that is closed (head, less) ends it by a signal, as it does others.
  const auto say = [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
  };
  const cairn::Status status = cairn::logdump::LogDump(disk, commands, *options, say).Run();
  if (status.ok()) return cairn::StatusAfterOutput(0);
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}
