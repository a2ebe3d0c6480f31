// SPDX-License-Identifier: BSD-3-Clause
// AofEncoder: effects as the bytes of an append only file, as Redis 7 writes them.
//
//     file       = *( annotation / command / group )
//     command    = "*" count CRLF 1*( "$" size CRLF bytes CRLF )
//     group      = MULTI *command EXEC          all of it happens, or nothing
//     annotation = "#TS:" unix-seconds CRLF     the time of what follows
//
// A command runs in the database that the last SELECT named; a file begins in database 0. The
// encoder writes a SELECT where the database changes, and always first in a file, so that what is
// appended to a file that was cut is right too. codec/aof_reader.h reads all this.
// Belongs to one thread. Cost: some 40 ns for a SET of 100 bytes.
#ifndef CAIRN_CODEC_AOF_H_
#define CAIRN_CODEC_AOF_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "log/command_log.h"

namespace cairn::codec {

class AofEncoder {
 public:
  // What comes next stands in another file, or behind something this has not written.
  void BeginFile() {
    db_.reset();
    time_s_ = kNoTime;
  }
  // Times are written from now on, or not.
  void set_timestamps(bool are_wanted) { timestamps_ = are_wanted; }

  // Appends a log record: one effect, or several as a group. `now_s`: Unix seconds.
  void Append(std::span<const log::EffectView> effects, std::int64_t now_s, std::string* out);

  // A command whose last argument is written before its size is known. The bytes of that argument
  // and CRLF are to follow; its size goes where the last kOpenSizeBytes of what this appended
  // stand.
  void AppendOpen(const log::EffectView& effect, std::string* out);
  // Redis reads zeros in front of a number, and so do we.
  static std::string OpenSize(std::uint64_t bytes);
  static constexpr std::size_t kOpenSizeBytes = 15 + 2;

 private:
  static constexpr std::int64_t kNoTime = -1;

  char* PutSelect(char* at, DbId db);

  std::optional<DbId> db_;  // that the file is in; unknown at its beginning
  std::int64_t time_s_ = kNoTime;
  bool timestamps_ = false;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_AOF_H_
