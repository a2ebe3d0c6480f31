// SPDX-License-Identifier: BSD-3-Clause
// URIs of stores: whatever the text, it is read or refused with a place within it, what was read
// keeps its limits, and an endpoint's text is read as the same endpoint.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "client/uri.h"

namespace {

using namespace cairn;
using client::Endpoint;
using client::Uri;

void CheckRefusal(std::string_view text, const cache::Error& error) {
  constexpr std::string_view kBegin = "URI, character ";
  CHECK(error.code == cache::Errc::kInvalid || error.code == cache::Errc::kLimit);
  CHECK(error.detail.starts_with(kBegin));
  const std::string_view place = std::string_view(error.detail).substr(kBegin.size());
  const auto at = ParseInt64(place.substr(0, place.find(':')));
  CHECK(at.has_value());
  CHECK(*at >= 1);
  CHECK(static_cast<std::size_t>(*at) <= text.size() + 1);
}

void CheckUri(const Uri& uri) {
  CHECK(!uri.endpoints.empty());
  CHECK(uri.endpoints.size() <= Uri::kEndpointsMax);
  CHECK(uri.db >= 0);
  CHECK(uri.protocol == 2 || uri.protocol == 3);
  CHECK((uri.kind == Uri::Kind::kSentinel) == !uri.master.empty());
  CHECK(uri.tls || (uri.ca_file + uri.ca_folder + uri.cert_file + uri.key_file).empty());
  for (const Endpoint& endpoint : uri.endpoints) {
    if (endpoint.host.empty()) {
      CHECK(endpoint.path.starts_with('/'));
      continue;
    }
    const auto again = Uri::Parse("redis://" + endpoint.ToString());
    CHECK(again.has_value());
    CHECK(again->endpoints[0] == endpoint);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto uri = Uri::Parse(text);
  if (uri) {
    CheckUri(*uri);
  } else {
    CheckRefusal(text, uri.error());
  }
  return 0;
}
