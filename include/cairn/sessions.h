// SPDX-License-Identifier: BSD-3-Clause
// Sessions: who is signed in, with sliding expiry up to an absolute end, rotation of the id, and
// all sessions of a user at hand.
//
//   const Sessions sessions(store, "session", {.idle = 30min, .cap = 12h});
//   Result<Session> session = sessions.Create("user 42", {{"role", "admin"}});
//   Send(session->id);                                         // as a cookie
//   ...
//   Sessions::Found found = sessions.Touch(cookie);            // nullopt: sign in again
//   found = sessions.Rotate(cookie);                           // after each new right
//   sessions.DestroyAll("user 42");                            // log out everywhere
//
// All sessions of a user are one hash, so each operation is one script on one key: atomic, also in
// a cluster, and no crash parts it. Nothing is ever there without an expiry.
//
//   key     prefix:{<128 bits of the user's SHA-256>}
//   "u"     the user
//   <d>     version:created:touched:expires:end, milliseconds by the server's clock
//   <d>c    the claims          d: 160 bits of the SHA-256 of the id
//
// An id is the key's tag, '.', and 192 bits from the kernel's generator: it finds its key without
// the user being known, and an index by user is not needed. The store has only its digest, so who
// reads the store, a backup or a log of commands cannot take a session over. The tag is the same
// for all sessions of a user: who sees two ids can tell that.
//
//   alive --Touch, Update, Rotate: expires = min(now + idle, end)--> alive
//     '--Destroy, DestroyAll, expiry, Rotate (the old id)--> gone, for ever
//
// What is gone cannot come back: Update and Touch change only what is alive.
//
// Errors: those of the store; kConflict from Update if somebody else has changed the claims;
// kInvalid without a user where one is needed, and for options that fit nothing; kLoader, with the
// cause, if an Edit throws, and nothing is changed; kLimit for claims of more than kClaimsBytesMax;
// kCorrupt for claims that cannot be read. An id that is no id is nullopt, not an error. Thread
// safety: any thread. Lifetimes: outlives its calls. Cost: one script a call; Create, Of and
// DestroyAll O(sessions of the user), which per_user_max bounds.
#ifndef CAIRN_SESSIONS_H_
#define CAIRN_SESSIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

using Claims = std::map<std::string, std::string>;
inline constexpr std::size_t kClaimsBytesMax = std::size_t{64} << 10;

// Times are from 1 ms to 10^12 ms.
struct SessionOptions {
  // A session ends when it has not been used for so long...
  Duration idle = std::chrono::minutes(30);
  // ...and so long after its creation, whatever its use and its rotations.
  Duration cap = std::chrono::hours(24);
  // The one that was not used for longest makes room for one more. 1 or more.
  std::size_t per_user_max = 64;
};

struct Session {
  std::string id;    // secret: for the user's cookie, and nothing else
  std::string user;  // empty: nobody has signed in
  Claims claims;
  std::int64_t version = 0;  // of the claims
  // By the server's clock.
  UnixTime created{};
  UnixTime expires{};  // unless it is used
  UnixTime end{};
  Millis left{0};  // until it expires
};

// A session as its user may see it in a list.
struct SessionInfo {
  std::string handle;  // names it to DestroyOne; opens nothing
  UnixTime created{};
  UnixTime touched{};
  UnixTime expires{};
};

class Sessions {
 public:
  using Found = Result<std::optional<Session>>;  // nullopt: there is no such session (any more)
  using Edit = std::function<void(Claims&)>;

  // The keys begin with `prefix` and ':'.
  Sessions(Store store, std::string prefix, SessionOptions options = {});

  // Without a user: a session of its own for whoever has not signed in. When he does, Create one
  // for the user and Destroy this one.
  Result<Session> Create(std::string_view user, const Claims& claims = {}) const;
  Task<Result<Session>> CoCreate(std::string user, Claims claims = {}) const;
  // Looks, and prolongs nothing.
  Found Get(std::string_view id) const;
  Task<Found> CoGet(std::string id) const;
  // It is used now.
  Found Touch(std::string_view id) const;
  Task<Found> CoTouch(std::string id) const;
  // Stores the claims, if nobody has since `session` was read: else kConflict.
  Found Update(const Session& session) const;
  Task<Found> CoUpdate(Session session) const;
  // Reads, edits and updates, again after each conflict, kConflict after 16.
  Found Modify(std::string_view id, const Edit& edit) const;
  Task<Found> CoModify(std::string id, Edit edit) const;
  // A new id for the same session. The old one is dead at once.
  Found Rotate(std::string_view id) const;
  Task<Found> CoRotate(std::string id) const;
  // False: there was none.
  Result<bool> Destroy(std::string_view id) const;
  Task<Result<bool>> CoDestroy(std::string id) const;

  // Those alive, the one that was used last first.
  Result<std::vector<SessionInfo>> Of(std::string_view user) const;
  Task<Result<std::vector<SessionInfo>>> CoOf(std::string user) const;
  Result<bool> DestroyOne(std::string_view user, std::string_view handle) const;
  Task<Result<bool>> CoDestroyOne(std::string user, std::string handle) const;
  // How many there were. `keep`: the id of one that goes on, "log out everywhere else".
  Result<std::int64_t> DestroyAll(std::string_view user, std::string_view keep = {}) const;
  Task<Result<std::int64_t>> CoDestroyAll(std::string user, std::string keep = {}) const;

 private:
  struct Question;
  struct Id;

  Result<Reply> Ask(const Result<Question>& question) const;
  Task<Result<Reply>> CoAsk(Result<Question> question) const;
  static std::string KeptDigest(std::string_view keep);
  std::string KeyOf(std::string_view tag) const;
  Result<Question> AskCreate(const std::string& id, std::string_view user,
                             const Claims& claims) const;
  Result<Question> AskUpdate(const Session& session) const;
  Question AskAbout(const Script& script, const Id& id) const;
  Question AskRotate(const Id& old_id, const std::string& new_id) const;
  Result<Question> AskUser(const Script& script, std::string_view user, std::string argument) const;

  Store store_;
  const std::string prefix_;
  const SessionOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_SESSIONS_H_
