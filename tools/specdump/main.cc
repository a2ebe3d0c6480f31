// SPDX-License-Identifier: BSD-3-Clause
// specdump [FILE]: writes commands.json to FILE, or to standard output.
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "command/table.h"
#include "engine/families.h"
#include "server/families.h"
#include "specdump/specdump.h"

int main(int argc, char** argv) {
  if (argc > 2) {
    std::fputs("usage: specdump [FILE]\n", stderr);
    return 2;
  }
  std::vector<std::span<const cairn::command::Spec>> families = cairn::engine::EngineFamilies();
  for (const auto family : cairn::server::ServerFamilies()) families.push_back(family);
  const std::string json = cairn::specdump::CommandsJson(cairn::command::CommandTable(families));
  std::FILE* file = argc == 2 ? std::fopen(argv[1], "w") : stdout;
  if (file == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  const bool written = std::fwrite(json.data(), 1, json.size(), file) == json.size();
  const bool closed = std::fclose(file) == 0;
  if (written && closed) return 0;
  std::perror("specdump");
  return 1;
}
