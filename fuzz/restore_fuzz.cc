// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as a payload of RESTORE: with the footer that stands there, and with a right one,
// since nobody guesses a checksum.
//
// What is accepted makes a dump again that is accepted, and both are the same value; then it is
// used: walked, added to, dumped again, emptied. Half of the mutations are of what lies within the
// packed forms, whose frames are mended (packed_mutator.h).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "codec/dump.h"
#include "codec_fuzz_support.h"
#include "packed_mutator.h"

namespace {

using cairn::codec::RdbValue;
using cairn::fuzz::Home;

void Restore(std::string_view payload) {
  if (!cairn::codec::IsDumpIntact(payload)) return;
  Home home;
  const auto limits = cairn::fuzz::Limits();
  const auto use = [&](RdbValue&& value) { cairn::fuzz::Use(value, home); };
  const cairn::Status read = cairn::codec::ReadDump(payload, limits, home.home, use);
  CHECK(read.ok() || !read.message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Restore(bytes);
  // Without the footer, as far as there is one, and with a right one.
  for (const bool whole : {true, false}) {
    std::string value = bytes;
    if (!whole) value.resize(size - std::min(size, cairn::codec::kDumpFooterBytes));
    value.append({static_cast<char>(cairn::codec::kRdbVersionMax), 0});
    const std::uint64_t sum = cairn::Crc64(0, value);
    value.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
    Restore(value);
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  return cairn::fuzz::MutatePacked(data, size, size_max, seed);
}
