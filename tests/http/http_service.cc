// SPDX-License-Identifier: BSD-3-Clause
// http_service PORT [URI]: what tests/http/run drives with a client of its own. It says "ready" and
// serves until its input ends.
//
//   GET  /page       kept for a minute, by language; the body counts how often it was made
//   GET  /slow       the same, but is made only once `crowd` requests for it have come
//   GET  /cookie     claims to be kept, and sets a cookie
//   GET  /broken     throws
//   GET  /stream     a content provider
//   POST /page       a change of /page
//   GET  /limited    three in a minute for a client; 127.0.0.1 is a proxy of ours
//   GET  /guarded    the limiter's store is down, and it refuses
//   POST /login      signs in, and claims to be kept; /rotate and /logout; GET /me says who
#include <atomic>
#include <chrono>
#include <cstdio>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "base/thread.h"
#include "cairn/http/httplib.h"

namespace {

using namespace cairn::cache;
using namespace std::chrono_literals;
using httplib::Server;

constexpr int kThreads = 64;
constexpr int kCrowd = 50;

// How often something was made, and how many requests have come for what waits for them.
class Counts {
 public:
  std::string Made() { return std::to_string(++made_); }
  void Arrive() {
    if (++arrived_ <= kCrowd) crowd_.count_down();
  }
  void WaitForCrowd() { crowd_.wait(); }

 private:
  std::atomic<int> made_ = 0;
  std::atomic<int> arrived_ = 0;
  std::latch crowd_{kCrowd};
};

http::RateLimit LimitOf(const Store& store, LimitWhenDown when_down, LimiterOptions options) {
  const Limit limit{.law = LimitLaw::kFixed, .count = 3, .period = 60s};
  return http::RateLimit(Limiter(store, "limit", limit, when_down, options),
                         {.proxies = http::TrustedProxies::Of({"127.0.0.0/8"}).value()});
}

void RoutePages(Server& server, const http::ResponseCache& cache, Counts& counts) {
  const auto page = [&counts](const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "max-age=60");
    response.set_content(
        counts.Made() + " " + request.get_header_value("Accept-Language") + " for everybody",
        "text/plain");
  };
  const auto slow = [&counts, page](const httplib::Request& request, httplib::Response& response) {
    counts.WaitForCrowd();
    page(request, response);
  };
  const auto cookie = [&counts](const httplib::Request&, httplib::Response& response) {
    response.set_header("Cache-Control", "public, max-age=60");
    response.set_header("Set-Cookie", "id=" + counts.Made());
  };
  const auto broken = [](const httplib::Request&, httplib::Response&) {
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("broken")));
  };
  const auto stream = [](const httplib::Request&, httplib::Response& response) {
    response.set_header("Cache-Control", "public, max-age=60");
    response.set_content_provider(
        5, "text/plain", [](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
          return sink.write("hello" + offset, length);
        });
  };
  server.Get("/page", http::Cached(cache, page));
  server.Post("/page", http::Cached(cache, [](const auto&, httplib::Response& response) {
                response.status = 204;
              }));
  server.Get("/slow", http::Cached(cache, slow));
  server.Get("/cookie", http::Cached(cache, cookie));
  server.Get("/broken", http::Cached(cache, broken));
  server.Get("/stream", http::Cached(cache, stream));
}

void RouteLimits(Server& server, const Store& store) {
  const auto hello = [](const httplib::Request&, httplib::Response& response) {
    response.set_content("hello", "text/plain");
  };
  server.Get("/limited", http::Limited(LimitOf(store, LimitWhenDown::kAllow, {}), hello));
  server.Get("/guarded",
             http::Limited(LimitOf(store, LimitWhenDown::kRefuse, {.timeout = 0ms}), hello));
}

void RouteSessions(Server& server, const http::SessionCookies& cookies) {
  using httplib::Request;
  using httplib::Response;
  const auto page = [&](http::SessionHandler body) { return http::WithSession(cookies, body); };
  server.Post("/login", page([](const Request&, Response& response, http::RequestSession& session) {
                response.set_header("Cache-Control", "public, max-age=60");
                session.SignIn("ada").value();
              }));
  server.Post("/rotate", page([](const Request&, Response&, http::RequestSession& session) {
                session.Rotate().value();
              }));
  server.Post("/logout", page([](const Request&, Response&, http::RequestSession& session) {
                session.SignOut().value();
              }));
  server.Get("/me", page([](const Request&, Response& response, http::RequestSession& session) {
               const Session* signed_in = session.Load().value();
               response.set_content(signed_in != nullptr ? signed_in->user : "nobody",
                                    "text/plain");
             }));
}

}  // namespace

int main(int argument_count, char** arguments) {
  const auto port = argument_count > 1 ? cairn::ParseInt64(arguments[1]) : std::nullopt;
  if (!port) return 2;
  Result<Store> store = Store::Open(argument_count > 2 ? arguments[2] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  const auto cache = http::ResponseCache::Open(
      *store, {.prefix = "test", .vary = {{"Accept-Language", {"en", "de"}}}});
  Counts counts;
  Server server;
  server.new_task_queue = [] { return std::make_unique<httplib::ThreadPool>(kThreads).release(); };
  server.set_pre_routing_handler([&](const httplib::Request& request, httplib::Response&) {
    if (request.path == "/slow") counts.Arrive();
    return Server::HandlerResponse::Unhandled;
  });
  // The library's own option lets nobody have a port of which a connection has just ended.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  RoutePages(server, *cache, counts);
  RouteLimits(server, *store);
  const http::SessionCookies cookies{Sessions(*store, "session")};
  RouteSessions(server, cookies);
  if (!server.bind_to_port("127.0.0.1", static_cast<int>(*port))) return 1;
  cairn::Thread serving("serving", [&] { server.listen_after_bind(); });
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  server.stop();
  serving.Join();
  return 0;
}
