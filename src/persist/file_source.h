// SPDX-License-Identifier: BSD-3-Clause
// FileSource: a file's bytes from an offset on, as the readers of formats want them.
//
// The file outlives it. One thread.
#ifndef CAIRN_PERSIST_FILE_SOURCE_H_
#define CAIRN_PERSIST_FILE_SOURCE_H_

#include <cstdint>
#include <span>

#include "base/status.h"
#include "codec/byte_source.h"
#include "io/disk.h"

namespace cairn::persist {

class FileSource final : public codec::ByteSource {
 public:
  explicit FileSource(io::File& file, std::uint64_t offset = 0) : file_(file), offset_(offset) {}

  Result<std::size_t> Read(std::span<char> into) override {
    const Result<std::size_t> got = file_.ReadAt(offset_, into.data(), into.size());
    if (got) offset_ += *got;
    return got;
  }
  std::uint64_t bytes_left_max() const override { return file_.size() - offset_; }

 private:
  io::File& file_;
  std::uint64_t offset_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_FILE_SOURCE_H_
