// SPDX-License-Identifier: BSD-3-Clause
// CommandFigures: what the commands of an append only file are: how many, which, from when to when,
// and the largest.
//
// Bounded: no more than kNamesMax names are told apart, and of a name no more than kNameBytesMax is
// kept. One thread at a time.
#ifndef CAIRN_PERSIST_COMMAND_FIGURES_H_
#define CAIRN_PERSIST_COMMAND_FIGURES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "codec/aof_reader.h"
#include "persist/rdb_figures.h"

namespace cairn::persist {

class CommandFigures {
 public:
  static constexpr std::size_t kNamesMax = 512;
  static constexpr std::size_t kNameBytesMax = 64;
  static constexpr std::size_t kNamesSaid = 10;  // the most frequent ones

  // The group that the reader has just handed out.
  void Add(const codec::AofReader& reader);
  void Say(SayLine say) const;

 private:
  struct Largest {
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;
    std::string shown;
  };

  void AddCommand(const log::EffectView& command, std::uint64_t offset);
  void SayNames(SayLine say) const;

  std::uint64_t commands_ = 0;
  std::uint64_t groups_ = 0;  // of more than one
  std::int64_t first_time_s_ = codec::AofReader::kNoTime;
  std::int64_t last_time_s_ = codec::AofReader::kNoTime;
  std::map<std::string, std::uint64_t, std::less<>> names_;
  std::uint64_t other_names_ = 0;
  Largest largest_;
  std::string name_;  // scratch
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_COMMAND_FIGURES_H_
