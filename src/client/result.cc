// SPDX-License-Identifier: BSD-3-Clause
// The names of the error codes.
#include "cairn/result.h"

namespace cairn::cache {

std::string_view ErrcName(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return "invalid";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kUnreachable:
      return "unreachable";
    case Errc::kClosed:
      return "closed";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kCancelled:
      return "cancelled";
    case Errc::kServer:
      return "server";
    case Errc::kProtocol:
      return "protocol";
    case Errc::kType:
      return "type";
    case Errc::kLimit:
      return "limit";
    case Errc::kConflict:
      return "conflict";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kLoader:
      return "loader";
    case Errc::kStoreDown:
      return "store down";
    case Errc::kUnreplicated:
      return "unreplicated";
  }
  return "unknown";
}

}  // namespace cairn::cache
