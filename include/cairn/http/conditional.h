// SPDX-License-Identifier: BSD-3-Clause
// Conditional requests: what If-None-Match and its kin ask of the representation that there is (RFC
// 9110, 13).
//
//   const UnixTime now = store.clock().UnixNow();
//   const Validators current = Validators::Of(response.headers, now);
//   if (Evaluate(request, current, now) == Precondition::kNotModified) return
//   NotModified(response);
//
// If-Match counts before If-Unmodified-Since, If-None-Match before If-Modified-Since. What cannot
// be read asks for nothing, but an If-Match that cannot be read fails: it was there to prevent
// something.
//
// Errors: none. Thread safety: functions of their arguments. Lifetimes: nothing is kept of them.
// Cost: linear in the headers; NotModified copies some of them.
#ifndef CAIRN_HTTP_CONDITIONAL_H_
#define CAIRN_HTTP_CONDITIONAL_H_

#include <cstdint>
#include <optional>

#include "cairn/clock.h"
#include "cairn/http/fields.h"
#include "cairn/http/message.h"

namespace cairn::cache::http {

struct Validators {
  std::optional<EntityTag> etag = {};
  std::optional<UnixTime> last_modified = {};
  // When the answer was made. Without it `last_modified` is too weak for a range.
  std::optional<UnixTime> date = {};

  // As the headers of a response say.
  static Validators Of(const Headers& headers, UnixTime now);
};

enum class Precondition : std::uint8_t {
  kProceed,
  kNotModified,  // 304; of methods other than GET and HEAD it is kFailed
  kFailed,       // 412
};

Precondition Evaluate(const Request& request, const Validators& current, UnixTime now);

// What is sent for a 304: the response without its body, and of its headers those that a cache
// needs (RFC 9110, 15.4.5).
Response NotModified(const Response& response);

// Whether a Range header counts: there is no If-Range, or it names this very representation.
bool MayServeRange(const Request& request, const Validators& current, UnixTime now);

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_CONDITIONAL_H_
