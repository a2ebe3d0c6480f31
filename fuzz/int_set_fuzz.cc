// SPDX-License-Identifier: BSD-3-Clause
// IntSet from foreign bytes: what is taken is what it was, and changes keep it sound. What is
// changed are the numbers in the bytes themselves.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "ds/int_set.h"

namespace {

using cairn::ds::IntSet;

void CheckAscending(const IntSet& set) {
  for (std::size_t i = 1; i < set.size(); ++i) CHECK(set.At(i - 1) < set.At(i));
  CHECK(IntSet::FromBytes(set.bytes()).has_value());
}

// Adds every eight bytes as a number, and takes every second one out again.
void Change(IntSet& set, std::string_view bytes) {
  bool keep = false;
  for (; bytes.size() >= sizeof(std::int64_t); bytes.remove_prefix(sizeof(std::int64_t))) {
    std::int64_t number;
    std::memcpy(&number, bytes.data(), sizeof(number));
    number >>= number & 63;  // of every width
    set.Add(number);
    CHECK(set.Contains(number));
    CHECK(!set.Add(number));
    if (!keep) CHECK(set.Remove(number));
    CHECK(set.Contains(number) == keep);
    keep = !keep;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto set = IntSet::FromBytes(bytes);
  if (!set) {
    IntSet built;
    Change(built, bytes);
    CheckAscending(built);
    return 0;
  }
  CHECK(set->bytes() == bytes || set->empty());
  CheckAscending(*set);
  Change(*set, bytes);
  CheckAscending(*set);
  return 0;
}
