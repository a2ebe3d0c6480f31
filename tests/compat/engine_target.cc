// SPDX-License-Identifier: BSD-3-Clause
// The engine as a target: sessions instead of sockets. Without the engine library there is none.
#include "compat/target.h"

namespace cairn::compat {

Result<std::unique_ptr<Target>> StartEngine(const std::string&) {
  return Fail(StatusCode::kUnsupported, "built without the engine library");
}

}  // namespace cairn::compat
