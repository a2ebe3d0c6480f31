// SPDX-License-Identifier: BSD-3-Clause
// Request, Response and Headers: as much of HTTP as caching, limits and sessions look at, whatever
// the server's library is. An adapter (cairn/http/httplib.h) makes them from its own.
//
//   http::Response response{.status = 200, .body = "<p>hello"};
//   response.headers.Set("Cache-Control", "public, max-age=60");
//   response.headers.Find("cache-control");  // "public, max-age=60"
//
// No header can end a line of its own: an end of line or a null byte in a value becomes a blank
// (RFC 9110, 5.5), and a header whose name is no token is left out. So what a loader has from
// somebody else adds no header and no second answer, whatever server writes it.
//
// Errors: none. Thread safety: values. Lifetimes: what Find gives lasts until the headers change.
// Cost: a lookup is linear in the number of headers, of which a server takes some hundred at most.
#ifndef CAIRN_HTTP_MESSAGE_H_
#define CAIRN_HTTP_MESSAGE_H_

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn::cache::http {

// Of ASCII, as names of headers and directives are compared.
bool EqualsIgnoringCase(std::string_view one, std::string_view other);

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) {
    for (const Header& header : headers) Add(header.name, header.value);
  }

  // Beside those of that name.
  void Add(std::string_view name, std::string_view value);
  // In place of those of that name.
  void Set(std::string_view name, std::string_view value) {
    Remove(name);
    Add(name, value);
  }
  void Remove(std::string_view name) {
    std::erase_if(headers_,
                  [&](const Header& header) { return EqualsIgnoringCase(header.name, name); });
  }
  // The first of that name. Good until the headers change.
  std::optional<std::string_view> Find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        headers_, [&](const Header& header) { return EqualsIgnoringCase(header.name, name); });
    if (found == headers_.end()) return std::nullopt;
    return found->value;
  }
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  // All of that name as one list, in their order (RFC 9110, 5.3); nothing if there is none.
  std::optional<std::string> List(std::string_view name) const;

  auto begin() const { return headers_.begin(); }
  auto end() const { return headers_.end(); }
  std::size_t size() const { return headers_.size(); }
  bool empty() const { return headers_.empty(); }
  bool operator==(const Headers&) const = default;

 private:
  std::vector<Header> headers_;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query, as they were sent
  std::string host = {};     // the authority that was asked for
  Headers headers = {};
  // The address at the other end of the connection, without its port. "" is nobody: of a request
  // that stands for all who are served its answer.
  std::string peer = {};
};

struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};  // an answer to HEAD has it too: the server leaves it out
};

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_MESSAGE_H_
