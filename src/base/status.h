// SPDX-License-Identifier: BSD-3-Clause
// Status and Result: operating errors as values.
//
// An operating error (a full disk, a corrupt file, a peer gone) is an ordinary outcome: it is
// returned, given context on its way up, and handled once. Nothing in Cairn throws. Client errors
// are not Statuses: they are replies, named in command/errors.h. Programmer errors are CHECKs
// (base/check.h).
//
//   Result<Config> LoadConfig(std::string_view path);
//   auto config = LoadConfig(path);
//   if (!config) return config.error().Annotate("loading configuration");
//
// Thread safety: values, as safe as an int. Cost: an OK Status is one null pointer.
#ifndef CAIRN_BASE_STATUS_H_
#define CAIRN_BASE_STATUS_H_

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace cairn {

enum class StatusCode {
  kInvalid,
  kNotFound,
  kExists,
  kIo,
  kCorrupt,
  kLimit,
  kClosed,
  kUnsupported
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(StatusCode code, std::string message)
      : state_(std::make_unique<State>(State{code, std::move(message)})) {}
  Status(const Status& other)
      : state_(other.state_ ? std::make_unique<State>(*other.state_) : nullptr) {}
  Status& operator=(const Status& other) {
    if (this != &other) state_ = other.state_ ? std::make_unique<State>(*other.state_) : nullptr;
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return state_ == nullptr; }
  // REQUIRES: !ok()
  StatusCode code() const { return state_->code; }
  std::string_view message() const { return state_ ? std::string_view(state_->message) : "OK"; }

  // The same error with "context: " before its message.
  Status Annotate(std::string_view context) const {
    if (ok()) return {};
    return {state_->code, std::string(context) + ": " + state_->message};
  }

 private:
  struct State {
    StatusCode code;
    std::string message;
  };
  std::unique_ptr<State> state_;
};

template <class T>
using Result = std::expected<T, Status>;

inline std::unexpected<Status> Fail(StatusCode code, std::string message) {
  return std::unexpected(Status(code, std::move(message)));
}

}  // namespace cairn

#endif  // CAIRN_BASE_STATUS_H_
