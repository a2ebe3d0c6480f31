// SPDX-License-Identifier: BSD-3-Clause
// The smallest program: a store by its URI (default: within the process), a value in and out.
//
//   example_hello [URI]
#include <cstdio>
#include <string>

#include "cairn/store.h"

using namespace cairn::cache;

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  Client& client = store->client();
  Result<Reply> reply = client.Call(Command("SET", "greeting", "hello"));
  if (reply) reply = client.Call(Command("GET", "greeting"));
  if (!reply) {
    std::fprintf(stderr, "%s\n", reply.error().detail.c_str());
    return 1;
  }
  std::printf("%s\n", std::string(reply->text()).c_str());
  return 0;
}
