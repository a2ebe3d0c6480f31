// SPDX-License-Identifier: BSD-3-Clause
// Result and Error: what can go wrong, as values.
//
// A timeout, a lost lock, a stale answer or a refused command is an ordinary outcome on which
// callers branch, so every call of the toolkit returns a Result<T>: a T, or an Error that says what
// failed, in words, and whether the operation may have taken effect nevertheless. Who prefers
// exceptions calls `.value()`, which throws std::bad_expected_access<Error>.
//
//   Result<Reply> reply = client.Call(Command("GET", "k"));
//   if (!reply && reply.error().code == Errc::kTimeout) ...
//
// Errors: they are all below, one code for each thing that a caller may do about it. Thread safety:
// values. Lifetimes: an Error owns its text. Cost: none without an error; its text is an
// allocation.
#ifndef CAIRN_RESULT_H_
#define CAIRN_RESULT_H_

#include <cstdint>
#include <exception>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cairn::cache {

enum class Errc : std::uint8_t {
  kInvalid,       // the caller's fault: a URI, an option, a command that does not belong here
  kUnsupported,   // the store at hand has no such thing: see Capabilities
  kUnreachable,   // no connection could be made; nothing was sent
  kClosed,        // the connection was lost, or the store was closed
  kTimeout,       // the deadline passed
  kCancelled,     // the stop token said so
  kServer,        // the server replied with an error: `detail` is its text, "WRONGTYPE ..."
  kProtocol,      // what was received is not RESP, or not the reply that belongs there
  kType,          // the reply is of another type than was asked for
  kLimit,         // a named limit of ours is reached: too many calls wait, a value is too large
  kConflict,      // an optimistic transaction or a version lost, as often as it may be tried
  kCorrupt,       // a stored value cannot be read
  kLoader,        // the user's loader or handler failed: see `cause`
  kStoreDown,     // the circuit breaker is open, nothing was sent
  kUnreplicated,  // too few replicas have acknowledged it in time
};

// "timeout", "server": for logs and metrics.
std::string_view ErrcName(Errc code);

struct Error {
  Errc code = Errc::kInvalid;
  std::string detail = {};
  // What a user's function threw, if that is the reason.
  std::exception_ptr cause = {};
  // Whether the operation may have taken effect although it failed: it had been sent, and no reply
  // came. A retry of what is not idempotent could then double the effect.
  bool may_have_applied = false;

  // The first word of a server's error: "WRONGTYPE", "NOSCRIPT"; empty for other codes.
  std::string_view server_code() const {
    if (code != Errc::kServer) return {};
    return std::string_view(detail).substr(0, detail.find(' '));
  }
};

template <class T>
using Result = std::expected<T, Error>;

// return Fail(Errc::kInvalid, "...");
inline std::unexpected<Error> Fail(Errc code, std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

// return Pass(std::move(result)): the error of one Result as that of another type.
template <class T>
std::unexpected<Error> Pass(Result<T>&& failed) {
  return std::unexpected(std::move(failed).error());
}

}  // namespace cairn::cache

#endif  // CAIRN_RESULT_H_
