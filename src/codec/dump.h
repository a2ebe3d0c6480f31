// SPDX-License-Identifier: BSD-3-Clause
// DUMP payloads: one value with its type, the version of the format, and a checksum.
//
//   std::string payload = DumpOf(hash, RdbCompression::kLzf);
//   if (!IsDumpIntact(payload)) ...                            // another version, a flipped bit
//   Status read = ReadDump(payload, limits, home, use);        // checked in every byte
#ifndef CAIRN_CODEC_DUMP_H_
#define CAIRN_CODEC_DUMP_H_

#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/status.h"
#include "codec/rdb_output.h"
#include "codec/rdb_value_reader.h"
#include "codec/rdb_value_writer.h"

namespace cairn::codec {

// Adds what follows the value: made into a payload of a version that has its type.
void EndDump(RdbOutput& out, RdbType type);

// `value` is a std::string_view or one of the collections.
template <class V>
std::string DumpOf(const V& value, RdbCompression compression) {
  RdbOutput out(compression);
  const RdbType type = RdbTypeOf(value);
  out.Byte(static_cast<std::uint8_t>(type));
  WriteValue(out, value);
  EndDump(out, type);
  return out.TakeBytes();
}

// Whether the version is one that we read, and the checksum right.
bool IsDumpIntact(std::string_view payload);

// REQUIRES: IsDumpIntact. An empty collection is an error; a string is a view that the callback
// must be done with: the value is handed to `use` and not returned.
Status ReadDump(std::string_view payload, const RdbValueLimits& limits,
                const value::TableHome& home, FunctionRef<void(RdbValue&& value)> use);

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_DUMP_H_
