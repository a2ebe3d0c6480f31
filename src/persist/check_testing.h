// SPDX-License-Identifier: BSD-3-Clause
// What the tests of checking and printing files share: files on a disk in memory, and lines.
#ifndef CAIRN_PERSIST_CHECK_TESTING_H_
#define CAIRN_PERSIST_CHECK_TESTING_H_

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/byte_sink.h"
#include "io/disk.h"

namespace cairn::persist::testing {

using Lines = std::vector<std::string>;

inline void Store(io::Disk& disk, const std::string& path, std::string_view bytes) {
  Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kReplace);
  CHECK(file.has_value());
  CHECK((*file)->Append(bytes).ok());
}

inline std::string ContentOf(io::Disk& disk, const std::string& path) {
  return io::ReadWhole(disk, path, 1'000'000).value_or("none");
}

inline std::string Command(const std::vector<std::string_view>& args) {
  std::string bytes = "*" + std::to_string(args.size()) + "\r\n";
  for (const std::string_view arg : args) {
    bytes += "$" + std::to_string(arg.size()) + "\r\n";
    bytes += arg;
    bytes += "\r\n";
  }
  return bytes;
}

inline bool Has(const Lines& lines, std::string_view line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

inline std::string Joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

class StringSink final : public codec::ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    taken.append(bytes);
    return {};
  }
  std::string taken;
};

}  // namespace cairn::persist::testing

#endif  // CAIRN_PERSIST_CHECK_TESTING_H_
