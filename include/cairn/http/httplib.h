// SPDX-License-Identifier: BSD-3-Clause
// The adapter for cpp-httplib (libcpp-httplib-dev): limits, kept answers and sessions around its
// handlers.
//
//   httplib::Server server;
//   server.set_pre_routing_handler(http::Limited(limit));          // every request
//   server.Get("/products", http::Cached(cache, [](const httplib::Request& request,
//                                                  httplib::Response& response) {
//     response.set_header("Cache-Control", "public, max-age=60");
//     response.set_content(Render(request.get_param_value("page")), "text/html");
//   }));
//   server.Post("/login", http::WithSession(cookies, [](const httplib::Request& request,
//                                                       httplib::Response& response,
//                                                       http::RequestSession& session) {
//     if (IsPassword(request)) session.SignIn(request.get_param_value("user")).value();
//   }));
//
// A refusal is an answer (429, or 503 for a store that is down and a limiter that then refuses),
// not an exception. RateLimit headers are those of each request, never kept with an answer.
//
// The handler of a kept answer is given a copy of the request with what is in the key, and nothing
// else (cairn/http/response_cache.h): method, path, parameters, matches, Host, and the headers that
// `vary` names. With an executor it may run when its request has gone: `matches` is then empty. An
// answer that is streamed (set_content_provider) is not kept, and the handler's own. Of a kept
// answer one range is served, unless If-Range says otherwise; of several, of one that is not there,
// or of what the library compresses for this request, all of it. What it compresses gets "Vary:
// Accept-Encoding" and a weak entity-tag. A Range that is none by its syntax is answered 416 by the
// library, before any of this is asked.
//
// A store that is down, if the policy or the limiter makes it an error, is answered 503; what a
// handler throws is thrown on, to the server's exception handler.
//
// This header is all of the adapter: only who includes it needs the library, with the definitions
// that it was built with: `pkg-config --cflags --libs cpp-httplib`.
//
// Errors: as above. Thread safety: the handlers, any thread. Lifetimes: they hold what they were
// given; what WithSession is given outlives them. Cost: that of what they call, and a copy of the
// request's headers; a kept answer's request is copied whole.
#ifndef CAIRN_HTTP_HTTPLIB_H_
#define CAIRN_HTTP_HTTPLIB_H_

#include <httplib.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "cairn/http/conditional.h"
#include "cairn/http/fields.h"
#include "cairn/http/message.h"
#include "cairn/http/rate_limit.h"
#include "cairn/http/response_cache.h"
#include "cairn/http/session_cookie.h"

namespace cairn::cache::http {

inline Request RequestOf(const ::httplib::Request& given) {
  // The library adds these, as headers, to those that were received.
  constexpr std::string_view kOwn[] = {"REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT"};
  Request request{.method = given.method, .target = given.target, .host = {}};
  request.headers = {};
  // A Unix socket's peer has no address, but is somebody.
  request.peer = given.remote_addr.empty() ? "unix" : given.remote_addr;
  for (const auto& [name, value] : given.headers) {
    if (std::ranges::find(kOwn, name) == std::end(kOwn)) request.headers.Add(name, value);
  }
  request.host = request.headers.Find("Host").value_or("");
  return request;
}

inline Response ResponseOf(::httplib::Response&& given) {
  // -1: the server would have made it 200.
  Response response{.status = given.status < 0 ? 200 : given.status, .headers = {}, .body = {}};
  for (const auto& [name, value] : given.headers) response.headers.Add(name, value);
  response.body = std::move(given.body);
  return response;
}

inline void WriteTo(Response answer, ::httplib::Response& response) {
  response.status = answer.status;
  for (const Header& header : answer.headers) response.set_header(header.name, header.value);
  response.body = std::move(answer.body);
}

namespace internal {

inline void WriteError(const Error& error, ::httplib::Response& response) {
  if (error.cause) std::rethrow_exception(error.cause);
  response.status = 503;
  response.set_header("Retry-After", "1");
  response.set_header("Cache-Control", "no-store");
}

// Whether the server compresses the answer to this request, behind our back.
inline bool IsCompressed(const ::httplib::Request& request, const Response& answer) {
  ::httplib::Response typed;
  // A 304 does not say what the type was.
  const std::string_view unknown = answer.status == 304 ? "text/plain" : "";
  typed.set_header("Content-Type",
                   std::string(answer.headers.Find("Content-Type").value_or(unknown)));
  return ::httplib::detail::encoding_type(request, typed) != ::httplib::detail::EncodingType::None;
}

// The server cuts ranges out of whatever answer there is, as many as it is asked for: of a kept
// answer a client could have thousands of copies at once. So one range is served, and else all of
// it; also in place of a 416, which would have the kept answer's Cache-Control, and of what the
// server compresses: it would compress the part, and Content-Range tell of the plain bytes. The
// server's request is const here only by the handler's signature, and has no other switch.
inline void SettleRanges(const ::httplib::Request& request, const Validators& current, UnixTime now,
                         Response& answer) {
  if (request.ranges.empty()) return;
  auto& ranges = const_cast<::httplib::Request&>(request).ranges;
  auto& [first, last] = ranges[0];  // of the last n bytes: -1, n; from there on: n, -1
  const auto size = static_cast<decltype(first + last)>(answer.body.size());
  const bool is_there = first < 0 ? last > 0 && size > 0 : first < size;
  if (is_there && answer.status == 200 && request.method == "GET" && ranges.size() == 1 &&
      !IsCompressed(request, answer) && MayServeRange(RequestOf(request), current, now)) {
    if (first >= 0 && last >= size) last = size - 1;
    answer.status = 206;
  } else {
    ranges.clear();
  }
}

// What the server's library can compress differs by Accept-Encoding, and where it does, it is not
// the bytes that a strong entity-tag names.
inline void SettleEncoding(const ::httplib::Request& request, Response& answer) {
  if (answer.headers.Has("Content-Encoding")) return;
  ::httplib::Request any;
  any.set_header("Accept-Encoding", "gzip, br");
  if (!IsCompressed(any, answer)) return;
  std::string vary = answer.headers.List("Vary").value_or("");
  const auto names = SplitList(vary);
  const bool is_named = names && std::ranges::any_of(*names, [](std::string_view name) {
                          return name == "*" || EqualsIgnoringCase(name, "Accept-Encoding");
                        });
  if (!is_named)
    answer.headers.Set("Vary", vary += vary.empty() ? "Accept-Encoding" : ", Accept-Encoding");
  if (!IsCompressed(request, answer)) return;
  auto tag = EntityTag::Parse(answer.headers.Find("ETag").value_or(""));
  if (!tag) return;
  tag->is_weak = true;
  answer.headers.Set("ETag", tag->text());
}

// One request's run of a handler, which may end after the request.
struct HandlerRun {
  std::shared_ptr<const ::httplib::Server::Handler> handler;
  ::httplib::Request request;
  bool has_background = false;
  // What cannot be a value: a response that has a content provider.
  std::shared_ptr<::httplib::Response> streamed = {};

  Response operator()(const Request& asked) {
    auto own = std::make_shared<::httplib::Request>(request);
    own->method = asked.method;
    own->headers.clear();
    for (const Header& header : asked.headers) own->headers.emplace(header.name, header.value);
    // Somebody's own request is all that he has sent.
    if (asked.peer.empty()) {
      own->remote_addr.clear();
      own->remote_port = -1;
      own->body.clear();
      own->ranges.clear();
    }
    ::httplib::Response made;
    (*handler)(*own, made);
    if (!made.content_provider_) return ResponseOf(std::move(made));
    // The provider may refer to the request.
    auto release = std::move(made.content_provider_resource_releaser_);
    made.content_provider_resource_releaser_ = [own, release](bool is_done) {
      if (release) release(is_done);
    };
    Response mark{.status = made.status < 0 ? 200 : made.status, .headers = {}, .body = {}};
    mark.headers.Add("Cache-Control", "no-store");
    if (!has_background) streamed = std::make_shared<::httplib::Response>(std::move(made));
    return mark;
  }
};

}  // namespace internal

// For set_pre_routing_handler: refuses, or goes on, with the headers that tell of the limit.
inline ::httplib::Server::HandlerWithResponse Limited(RateLimit limit) {
  return
      [limit = std::move(limit)](const ::httplib::Request& request, ::httplib::Response& response) {
        using Handled = ::httplib::Server::HandlerResponse;
        Result<LimitDecision> decision = limit.Check(RequestOf(request));
        if (!decision) {
          internal::WriteError(decision.error(), response);
        } else if (decision->refusal) {
          WriteTo(std::move(*decision->refusal), response);
        } else {
          for (const Header& header : decision->headers)
            response.set_header(header.name, header.value);
          return Handled::Unhandled;
        }
        const_cast<::httplib::Request&>(request).ranges.clear();
        return Handled::Handled;
      };
}

// For one route.
inline ::httplib::Server::Handler Limited(RateLimit limit, ::httplib::Server::Handler handler) {
  return [check = Limited(std::move(limit)), handler = std::move(handler)](
             const ::httplib::Request& request, ::httplib::Response& response) {
    if (check(request, response) == ::httplib::Server::HandlerResponse::Unhandled)
      handler(request, response);
  };
}

// For routes of GET (which are those of HEAD), and of methods that change what is kept.
inline ::httplib::Server::Handler Cached(ResponseCache cache, ::httplib::Server::Handler handler) {
  const auto shared = std::make_shared<const ::httplib::Server::Handler>(std::move(handler));
  return [cache, shared](const ::httplib::Request& given, ::httplib::Response& response) {
    const auto run = std::make_shared<internal::HandlerRun>(
        internal::HandlerRun{.handler = shared, .request = given});
    run->has_background = cache.has_background();
    // They point into the path of `given`.
    if (run->has_background) run->request.matches = {};
    Result<Response> answer =
        cache.Serve(RequestOf(given), [run](const Request& asked) { return (*run)(asked); });
    if (!answer) return internal::WriteError(answer.error(), response);
    if (run->streamed) {
      for (const auto& [name, value] : response.headers) run->streamed->set_header(name, value);
      response = std::move(*run->streamed);
      return;
    }
    const UnixTime now = cache.clock().UnixNow();
    internal::SettleRanges(given, Validators::Of(answer->headers, now), now, *answer);
    internal::SettleEncoding(given, *answer);
    WriteTo(std::move(*answer), response);
  };
}

// What a handler with a session is.
using SessionHandler =
    std::function<void(const ::httplib::Request&, ::httplib::Response&, RequestSession&)>;

// The session of the request's cookie; what became of it is told to the client.
inline ::httplib::Server::Handler WithSession(const SessionCookies& cookies,
                                              SessionHandler handler) {
  return [&cookies, handler = std::move(handler)](const ::httplib::Request& request,
                                                  ::httplib::Response& response) {
    RequestSession session = cookies.Of(RequestOf(request));
    handler(request, response, session);
    Headers told;
    for (std::size_t i = 0; i < response.get_header_value_count("Cache-Control"); ++i)
      told.Add("Cache-Control", response.get_header_value("Cache-Control", i));
    if (const Result<void> written = session.WriteTo(told); !written)
      return internal::WriteError(written.error(), response);
    response.headers.erase("Cache-Control");
    for (const Header& header : told) response.set_header(header.name, header.value);
  };
}

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_HTTPLIB_H_
