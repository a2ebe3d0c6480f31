// SPDX-License-Identifier: BSD-3-Clause
// Manifests: any bytes are read or refused, and what was read comes back from its own text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const cairn::Result<cairn::codec::Manifest> manifest = cairn::codec::ParseManifest(text);
  if (!manifest) {
    CHECK(!manifest.error().message().empty());
    return 0;
  }
  const cairn::Result<cairn::codec::Manifest> again =
      cairn::codec::ParseManifest(cairn::codec::FormatManifest(*manifest));
  CHECK(again.has_value());
  CHECK(*again == *manifest);
  return 0;
}
