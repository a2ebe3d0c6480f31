// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as an RDB file, with the checksum that stands there and with the right one.
//
// Checked beyond "no crash, no bad read, no hang": whatever value comes out is used (walked, added
// to, dumped, emptied), written to another file as a whole, read again and then the same. Memory is
// bounded by what libFuzzer allows for an input of this size. Half of the mutations are of what
// lies within the packed forms, whose frames are mended (packed_mutator.h).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "codec/rdb_reader.h"
#include "codec/rdb_writer.h"
#include "codec_fuzz_support.h"
#include "packed_mutator.h"

namespace {

using cairn::codec::RdbItem;
using cairn::codec::RdbReader;
using cairn::codec::RdbWriter;
using cairn::fuzz::Home;

class Source final : public cairn::codec::ByteSource {
 public:
  Source(std::string_view bytes, std::size_t step) : bytes_(bytes), step_(step) {}
  cairn::Result<std::size_t> Read(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), bytes_.size(), step_});
    if (count > 0) std::memcpy(into.data(), bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  std::size_t step_;
};

class Sink final : public cairn::codec::ByteSink {
 public:
  cairn::Status Write(std::string_view bytes) override {
    taken.append(bytes);
    return {};
  }
  std::string taken;
};

// A file of this one key.
void Rewrite(RdbItem& item) {
  Sink sink;
  RdbWriter writer(sink, {.version = cairn::codec::kRdbVersionMax});
  std::visit([&](const auto& held) { writer.Key({.key = item.name, .expiry = item.expiry}, held); },
             item.value);
  CHECK(writer.End().ok());
  const std::string said = cairn::fuzz::Say(item.value);
  Home home;
  Source source(sink.taken, SIZE_MAX);
  RdbReader reader(source, [&](std::string_view) { return home.home; },
                   {.limits = cairn::fuzz::Limits()});
  RdbItem again;
  CHECK(reader.Next(&again).ok());
  CHECK(again.kind == RdbItem::Kind::kKey);
  CHECK(again.name == item.name);
  CHECK(again.expiry == item.expiry);
  CHECK(cairn::fuzz::Say(again.value) == said);
  CHECK(reader.Next(&again).ok());
  CHECK(again.kind == RdbItem::Kind::kEnd);
}

void Read(std::string_view bytes, std::size_t step) {
  Home home;
  Source source(bytes, step);
  RdbReader reader(
      source, [&](std::string_view) { return home.home; },
      {.limits = cairn::fuzz::Limits(), .module_aux = cairn::codec::RdbModuleAux::kSkip});
  RdbItem item;
  while (reader.Next(&item).ok() && item.kind != RdbItem::Kind::kEnd) {
    if (item.kind != RdbItem::Kind::kKey) continue;
    Rewrite(item);
    cairn::fuzz::Use(item.value, home);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Read(bytes, SIZE_MAX);
  Read(bytes, 7);
  constexpr std::size_t kSumBytes = 8;
  if (size < kSumBytes) return 0;
  const std::uint64_t sum = cairn::Crc64(0, std::string_view(bytes).substr(0, size - kSumBytes));
  std::memcpy(bytes.data() + size - kSumBytes, &sum, sizeof(sum));
  Read(bytes, SIZE_MAX);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  return cairn::fuzz::MutatePacked(data, size, size_max, seed);
}
