// SPDX-License-Identifier: BSD-3-Clause
// Headers of HTTP: whatever a client sends, every parser ends, keeps its limits, and what was read
// can be written and read again. A client's address is one that it cannot choose.
//
//     input = mode-byte bytes
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cairn/http/client_address.h"
#include "cairn/http/conditional.h"
#include "cairn/http/cookie.h"
#include "cairn/http/fields.h"
#include "http/negotiation.h"
#include "http/scan.h"

namespace {

using namespace cairn::cache::http;

// 2026-01-01.
constexpr cairn::cache::UnixTime kNow{std::chrono::milliseconds(1'767'225'600'000)};

void ReadLists(std::string_view text) {
  const auto items = SplitList(text);
  if (items) {
    CHECK(items->size() <= kListItemsMax);
    for (const std::string_view item : *items) {
      CHECK(!item.empty());
      CHECK(item.data() >= text.data() && item.data() + item.size() <= text.data() + text.size());
      CHECK(Unquoted(item).size() <= item.size());
    }
  }
  const CacheControl control = CacheControl::Parse(text);
  CHECK(items || control.no_store);
  for (const auto& time : {control.max_age, control.s_maxage, control.min_fresh})
    CHECK(!time || (time->count() >= 0 && *time <= CacheControl::kSecondsMax));
  const auto preferred = Preferred(text, {"en", "de", "text/html"});
  CHECK(!preferred || !preferred->empty());
}

void ReadTags(std::string_view text) {
  if (const auto tag = EntityTag::Parse(text)) CHECK(tag->text() == text);
  const auto list = EntityTagList::Parse(text);
  if (!list || list->is_any) return;
  CHECK(list->tags.size() <= kListItemsMax);
  std::string again;
  for (const EntityTag& tag : list->tags) again += tag.text() + ", ";
  if (again.size() <= kFieldBytesMax) CHECK(EntityTagList::Parse(again)->tags == list->tags);
}

void ReadDate(std::string_view text) {
  const auto date = ParseDate(text, kNow);
  if (date) CHECK(ParseDate(FormatDate(*date), kNow) == date);
}

void Ask(std::string_view text) {
  Request request;
  for (const char* name : {"If-Match", "If-None-Match", "If-Modified-Since", "If-Range"})
    request.headers.Add(name, text);
  const Validators current{.etag = EntityTag{"a", false}, .last_modified = kNow};
  (void)Evaluate(request, current, kNow);
  (void)MayServeRange(request, current, kNow);
}

void ReadCookies(std::string_view text) {
  Request request;
  request.headers.Add("Cookie", text);
  (void)FindCookie(request, "a");
  const std::size_t half = text.size() / 2;
  SetCookie cookie{.name = std::string(text.substr(0, half)),
                   .value = std::string(text.substr(half))};
  const auto written = cookie.Text();
  if (!written) return;
  // Nothing that was put in can end the header, or add an attribute.
  CHECK(written->find_first_of("\r\n") == std::string::npos);
  CHECK(std::count(written->begin(), written->end(), ';') == 4);
}

// A proxy of ours has added the right entry to whatever stands there.
void FindClient(std::string_view text, ForwardedBy header) {
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8"}, header).value();
  const bool is_forwarded = header == ForwardedBy::kForwarded;
  Request request;
  request.peer = "10.0.0.1";
  request.headers.Add(is_forwarded ? "Forwarded" : "X-Forwarded-For", text);
  request.headers.Add(is_forwarded ? "Forwarded" : "X-Forwarded-For",
                      is_forwarded ? "for=203.0.113.5" : "203.0.113.5");
  CHECK(ClientAddress(request, proxies).text() == "203.0.113.5");
  request.peer = "203.0.113.6";
  CHECK(ClientAddress(request, proxies).text() == "203.0.113.6");
  if (const auto address = IpAddress::Parse(text))
    CHECK(IpAddress::Parse(address->text()) == address);
  if (const auto network = IpNetwork::Parse(text)) (void)network->Contains(IpAddress());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      ReadLists(text);
      break;
    case 1:
      ReadTags(text);
      break;
    case 2:
      ReadDate(text);
      break;
    case 3:
      Ask(text);
      break;
    case 4:
      ReadCookies(text);
      break;
    case 5:
      FindClient(text, ForwardedBy::kXForwardedFor);
      break;
    default:
      FindClient(text, ForwardedBy::kForwarded);
      break;
  }
  return 0;
}
