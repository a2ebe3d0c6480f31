// SPDX-License-Identifier: BSD-3-Clause
// Which of a few values a client likes best (RFC 9110, 12.4 and 12.5).
#ifndef CAIRN_TOOLKIT_HTTP_NEGOTIATION_H_
#define CAIRN_TOOLKIT_HTTP_NEGOTIATION_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::cache::http {

// `field`: "de-CH, de;q=0.9, *;q=0.5", "text/*;q=0.3", "gzip". The first of the values that are
// liked equally; nothing if none is, or the field cannot be read. A language is liked as much as
// its dialects are, unless it is named itself.
std::optional<std::string> Preferred(std::string_view field,
                                     const std::vector<std::string>& values);

}  // namespace cairn::cache::http

#endif  // CAIRN_TOOLKIT_HTTP_NEGOTIATION_H_
