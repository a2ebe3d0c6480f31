// SPDX-License-Identifier: BSD-3-Clause
// Append only files: any bytes are read, torn or refused, alike in one piece and in many; and what
// was read comes back from the encoder's bytes.
//
// The first byte chooses how the rest is cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/aof.h"
#include "codec/aof_reader.h"

namespace {

using cairn::codec::AofReader;
using Groups = std::vector<std::vector<cairn::log::Effect>>;

struct Reading {
  Groups groups;
  AofReader::Outcome outcome;
  std::uint64_t good_end;
  std::string trouble;
};

Reading Read(std::string_view bytes, std::size_t part,
             std::uint64_t file_end = AofReader::kEndUnknown) {
  AofReader reader(0, file_end);
  Reading reading{};
  while (true) {
    reading.outcome = reader.Next();
    if (reading.outcome == AofReader::Outcome::kGroup) {
      auto& group = reading.groups.emplace_back();
      for (const cairn::log::EffectView& view : reader.group())
        group.push_back({.db = view.db, .args = {view.args.begin(), view.args.end()}});
    } else if (reading.outcome != AofReader::Outcome::kNeedMore) {
      break;
    } else if (bytes.empty()) {
      reader.End();
    } else {
      reader.Feed(bytes.substr(0, part));
      bytes.remove_prefix(std::min(part, bytes.size()));
    }
  }
  reading.good_end = reader.good_end();
  reading.trouble = reader.trouble();
  return reading;
}

std::string Encoded(const Groups& groups) {
  cairn::codec::AofEncoder encoder;
  std::string bytes;
  for (const auto& group : groups) {
    std::vector<std::vector<std::string_view>> args;
    std::vector<cairn::log::EffectView> views;
    args.reserve(group.size());
    for (const cairn::log::Effect& effect : group) {
      args.emplace_back(effect.args.begin(), effect.args.end());
      views.push_back({.db = effect.db, .args = args.back()});
    }
    encoder.Append(views, 0, &bytes);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = Read(bytes, bytes.size() + 1);
  const Reading parts = Read(bytes, 1 + data[0] % 16);
  CHECK(whole.groups == parts.groups);
  CHECK(whole.outcome == parts.outcome);
  CHECK(whole.good_end == parts.good_end);
  CHECK(whole.trouble == parts.trouble);
  CHECK(whole.good_end <= bytes.size());
  // Who knows where the file ends learns the same, only earlier.
  const Reading knowing = Read(bytes, 1 + data[0] % 16, bytes.size());
  CHECK(whole.groups == knowing.groups);
  CHECK(whole.outcome == knowing.outcome);
  CHECK(whole.good_end == knowing.good_end);
  CHECK(whole.trouble == knowing.trouble);
  const Reading good = Read(bytes.substr(0, whole.good_end), bytes.size() + 1);
  CHECK(good.outcome == AofReader::Outcome::kEnd);
  CHECK(good.groups == whole.groups);
  const Reading again = Read(Encoded(whole.groups), 4096);
  CHECK(again.outcome == AofReader::Outcome::kEnd);
  CHECK(again.groups == whole.groups);
  return 0;
}
