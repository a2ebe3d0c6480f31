// SPDX-License-Identifier: BSD-3-Clause
// Checks of what a user's program does with a store: named cases in groups, one verdict a line.
#ifndef CAIRN_TESTS_STORE_CHECKS_STORE_CHECKS_H_
#define CAIRN_TESTS_STORE_CHECKS_STORE_CHECKS_H_

#include <chrono>
#include <functional>
#include <span>
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

// The cases, for the URIs that the command line gave.
using Cases = std::vector<Case>;
struct Group {
  std::string_view name;
  Cases (*cases)(const std::vector<std::string>& uris);
};

// What a program `NAME GROUP URI...` does: "ok CASE" or "FAIL CASE: why" for each of the group's
// cases. Its exit status: 0, or 2 of arguments that are wrong.
int RunGroup(std::span<const Group> groups, int argument_count, char** arguments);

// "text", or "<error: detail>".
std::string Show(const Result<Reply>& reply);
Store OpenOrDie(std::string_view uri, StoreOptions options = {});
// Asks the condition again and again, to a deadline; false if it has never been true.
bool Eventually(const std::function<bool()>& condition);

}  // namespace cairn::cache::checks

#endif  // CAIRN_TESTS_STORE_CHECKS_STORE_CHECKS_H_
