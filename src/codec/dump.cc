// SPDX-License-Identifier: BSD-3-Clause
// A payload is a file's key without the key: type and value, and its own end. It is read from the
// memory it came in, without a copy.
#include "codec/dump.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "codec/rdb_format.h"

namespace cairn::codec {

void EndDump(RdbOutput& out, RdbType type) {
  const int version = RdbVersionOf(type);
  out.Byte(static_cast<std::uint8_t>(version));
  out.Byte(static_cast<std::uint8_t>(version >> 8));
  out.Word64(out.checksum());
}

bool IsDumpIntact(std::string_view payload) {
  if (payload.size() < kDumpFooterBytes) return false;
  const std::string_view footer = payload.substr(payload.size() - kDumpFooterBytes);
  const int version = static_cast<std::uint8_t>(footer[0]) | static_cast<std::uint8_t>(footer[1])
                                                                 << 8;
  std::uint64_t checksum;
  std::memcpy(&checksum, footer.data() + kDumpVersionBytes, sizeof(checksum));
  return version <= kRdbVersionMax &&
         checksum == Crc64(0, payload.substr(0, payload.size() - sizeof(checksum)));
}

Status ReadDump(std::string_view payload, const RdbValueLimits& limits,
                const value::TableHome& home, FunctionRef<void(RdbValue&& value)> use) {
  DCHECK(payload.size() >= kDumpFooterBytes);
  RdbInput in(payload.substr(0, payload.size() - kDumpFooterBytes));
  const std::uint8_t type = in.Byte();
  RdbValueReader reader(in, limits);
  RdbValue value = reader.Read(type, home);
  if (in.ok() && RdbIsEmpty(value)) in.Corrupt("an empty collection, before what begins");
  if (in.ok() && !in.at_end()) in.Corrupt("more than a value, behind what begins");
  if (in.ok()) use(std::move(value));
  return in.status();
}

}  // namespace cairn::codec
