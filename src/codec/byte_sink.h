// SPDX-License-Identifier: BSD-3-Clause
// ByteSink: where encoded bytes go when a buffer is full. A file, a socket, a test's string.
#ifndef CAIRN_CODEC_BYTE_SINK_H_
#define CAIRN_CODEC_BYTE_SINK_H_

#include <string_view>

#include "base/status.h"

namespace cairn::codec {

class ByteSink {
 public:
  // Takes all of the bytes. After a failure it is not called again.
  virtual Status Write(std::string_view bytes) = 0;

 protected:
  ~ByteSink() = default;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_BYTE_SINK_H_
