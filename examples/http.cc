// SPDX-License-Identifier: BSD-3-Clause
// A small HTTP service: kept answers, a limit, sessions. It serves a few requests to itself, says
// what came of them, and ends.
//
//   example_http [URI]
#include <cstdio>
#include <string>

#if __has_include(<httplib.h>)
#include <thread>

#include "cairn/http/httplib.h"

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

void Show(const char* what, const httplib::Result& result, const std::string& header) {
  std::printf("%-28s %d  %s: %s\n", what, result->status, header.c_str(),
              result->get_header_value(header).c_str());
}

void Ask(int port) {
  httplib::Client client("127.0.0.1", port);
  const httplib::Result made = client.Get("/products");
  Show("first", made, "Cache-Status");
  Show("again", client.Get("/products"), "Cache-Status");
  const httplib::Headers known = {{"If-None-Match", made->get_header_value("ETag")}};
  Show("with its ETag", client.Get("/products", known), "Cache-Status");
  Show("a change", client.Post("/products", "tea", "text/plain"), "Cache-Status");
  Show("after the change", client.Get("/products"), "Cache-Status");
  const httplib::Result signed_in = client.Post("/login");
  const std::string cookie = signed_in->get_header_value("Set-Cookie");
  Show("signed in", signed_in, "Cache-Control");
  const httplib::Headers mine = {{"Cookie", cookie.substr(0, cookie.find(';'))}};
  const httplib::Result me = client.Get("/me", mine);
  std::printf("%-28s %d  %s\n", "who am I?", me->status, me->body.c_str());
  Show("one too many", client.Get("/me"), "Retry-After");
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  const Limiter limiter(*store, "limit:shop", {.law = LimitLaw::kFixed, .count = 7, .period = 60s},
                        LimitWhenDown::kAllow);
  limiter.Reset("127.0.0.1").value();
  const auto cache = http::ResponseCache::Open(*store, {.prefix = "shop"}).value();
  const http::SessionCookies cookies{Sessions(*store, "session")};

  httplib::Server server;
  server.set_pre_routing_handler(http::Limited(http::RateLimit(limiter)));
  std::string products = "coffee";
  server.Get("/products",
             http::Cached(cache, [&](const httplib::Request&, httplib::Response& response) {
               response.set_header("Cache-Control", "public, max-age=60");
               response.set_content(products, "text/plain");
             }));
  server.Post("/products",
              http::Cached(cache, [&](const httplib::Request& request, httplib::Response&) {
                products += ", " + request.body;
              }));
  server.Post("/login", http::WithSession(cookies, [](const auto&, auto&, auto& session) {
                session.SignIn("ada").value();
              }));
  server.Get("/me", http::WithSession(cookies, [](const auto&, auto& response, auto& session) {
               const Session* signed_in = session.Load().value();
               response.set_content(signed_in != nullptr ? signed_in->user : "nobody",
                                    "text/plain");
             }));

  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  Ask(port);
  server.stop();
  serving.join();
  return 0;
}
#else
int main() {
  std::puts("this was built without cpp-httplib (libcpp-httplib-dev)");
  return 0;
}
#endif
