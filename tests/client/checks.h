// SPDX-License-Identifier: BSD-3-Clause
// Checks: named cases of a program that tests/client/run starts, one verdict a line.
#ifndef CAIRN_TESTS_CLIENT_CHECKS_H_
#define CAIRN_TESTS_CLIENT_CHECKS_H_

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/store.h"

namespace cairn::cache::checks {

using namespace std::chrono_literals;

// What is wrong with the case at hand.
class Complaints {
 public:
  void Check(bool truth, std::string_view what) {
    if (!truth) text_ += (text_.empty() ? "" : "; ") + std::string(what);
  }
  template <class T>
  void Equal(const T& got, const T& wanted, std::string_view what) {
    Check(got == wanted, what);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Case {
  std::string_view name;
  std::function<void(Complaints&)> run;
};

// "text", or "<error detail>".
inline std::string Show(const Result<Reply>& reply) {
  if (!reply)
    return "<" + std::string(ErrcName(reply.error().code)) + ": " + reply.error().detail + ">";
  if (const auto number = reply->AsInteger()) return std::to_string(*number);
  return reply->is_null() ? "(null)" : std::string(reply->text());
}

inline Store OpenOrDie(std::string_view uri, StoreOptions options = {}) {
  Result<Store> store = Store::Open(uri, options);
  if (store) return *std::move(store);
  std::fprintf(stderr, "%s\n", store.error().detail.c_str());
  std::abort();
}

// Asks the condition again and again, to a deadline; false if it has never been true.
bool Eventually(const std::function<bool()>& condition);

// The cases of each group, for the URIs that the command line gave.
std::vector<Case> BasicCases(const std::vector<std::string>& uris);
std::vector<Case> FaultCases(const std::vector<std::string>& uris);
std::vector<Case> PushCases(const std::vector<std::string>& uris);
std::vector<Case> SentinelCases(const std::vector<std::string>& uris);
std::vector<Case> ClusterCases(const std::vector<std::string>& uris);

}  // namespace cairn::cache::checks

#endif  // CAIRN_TESTS_CLIENT_CHECKS_H_
