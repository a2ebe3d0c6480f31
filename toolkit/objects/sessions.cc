// SPDX-License-Identifier: BSD-3-Clause
// The scripts, and what goes in and out of them. Each begins with kPrelude, which has the time and
// the record; KEYS[1] is the user's hash.
#include "cairn/sessions.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cairn/codec.h"
#include "objects/random.h"
#include "objects/running.h"

namespace cairn::cache {
namespace {

constexpr std::size_t kTagDigits = 32;
constexpr std::size_t kSecretDigits = 48;
constexpr std::size_t kDigestDigits = 40;
constexpr int kAttemptsMax = 16;
constexpr Duration kTimeMax = Millis(1'000'000'000'000);

// `read` gives only what is alive. `write` sees to it that the key outlives the session; a key that
// lost its expiry gets one again.
constexpr std::string_view kPrelude = R"lua(
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local function parse(record)
  local v, c, t, e, f = string.match(record, '^(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if not v then return nil end
  return {version = tonumber(v), created = tonumber(c), touched = tonumber(t),
          expires = tonumber(e), finish = tonumber(f)}
end
local function read(d)
  local record = redis.call('HGET', key, d)
  local session = record and parse(record)
  if not session or session.expires <= now then return nil end
  return session
end
local function write(d, session, idle)
  session.touched = now
  session.expires = math.min(now + tonumber(idle), session.finish)
  redis.call('HSET', key, d, text(session.version) .. ':' .. text(session.created) .. ':' ..
             text(session.touched) .. ':' .. text(session.expires) .. ':' .. text(session.finish))
  local left = session.expires - now
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, text(left)) end
end
local function answer(d, session)
  return {redis.call('HGET', key, 'u') or '', redis.call('HGET', key, d .. 'c') or '',
          session.version, session.created, session.expires, session.finish,
          session.expires - now}
end
local function drop(d)
  local count = redis.call('HDEL', key, d)
  redis.call('HDEL', key, d .. 'c')
  if redis.call('HLEN', key) <= 1 then redis.call('DEL', key) end
  return count
end
-- Those alive, the one used last first; the others are dropped.
local function all()
  local fields = redis.call('HGETALL', key)
  local alive, dead = {}, {}
  for i = 1, #fields, 2 do
    if #fields[i] == 40 then
      local session = parse(fields[i + 1])
      if session and session.expires > now then
        session.d = fields[i]
        alive[#alive + 1] = session
      else
        dead[#dead + 1] = fields[i]
      end
    end
  end
  for _, d in ipairs(dead) do drop(d) end
  table.sort(alive, function(a, b)
    if a.touched ~= b.touched then return a.touched > b.touched end
    return a.d < b.d
  end)
  return alive
end
)lua";

Script WithPrelude(std::string_view body) {
  return Script(std::string(kPrelude) + std::string(body));
}

struct Scripts {
  // ARGV: digest, claims, user, idle, cap, most sessions of the user.
  const Script create = WithPrelude(R"lua(
local alive = all()
for i = math.max(tonumber(ARGV[6]), 1), #alive do drop(alive[i].d) end
redis.call('HSET', key, 'u', ARGV[3], ARGV[1] .. 'c', ARGV[2])
local session = {version = 1, created = now, finish = now + tonumber(ARGV[5])}
write(ARGV[1], session, ARGV[4])
return answer(ARGV[1], session)
)lua");
  // ARGV of these: digest, idle.
  const Script get = WithPrelude(R"lua(
local session = read(ARGV[1])
return session and answer(ARGV[1], session)
)lua");
  const Script touch = WithPrelude(R"lua(
local session = read(ARGV[1])
if not session then return false end
write(ARGV[1], session, ARGV[2])
return answer(ARGV[1], session)
)lua");
  const Script destroy = WithPrelude(R"lua(
local was_alive = read(ARGV[1])
drop(ARGV[1])
return was_alive and 1 or 0
)lua");
  // ARGV: digest, idle, version, claims.
  const Script update = WithPrelude(R"lua(
local session = read(ARGV[1])
if not session then return false end
if session.version ~= tonumber(ARGV[3]) then return 'conflict' end
session.version = session.version + 1
redis.call('HSET', key, ARGV[1] .. 'c', ARGV[4])
write(ARGV[1], session, ARGV[2])
return answer(ARGV[1], session)
)lua");
  // ARGV: digest, idle, new digest.
  const Script rotate = WithPrelude(R"lua(
local session = read(ARGV[1])
if not session then return false end
redis.call('HSET', key, ARGV[3] .. 'c', redis.call('HGET', key, ARGV[1] .. 'c'))
write(ARGV[3], session, ARGV[2])
drop(ARGV[1])
return answer(ARGV[3], session)
)lua");
  // ARGV: nothing that counts.
  const Script list = WithPrelude(R"lua(
local reply = {}
for i, session in ipairs(all()) do
  reply[i] = {session.d, session.created, session.touched, session.expires}
end
return reply
)lua");
  // ARGV: digest of the one to keep.
  const Script destroy_all = WithPrelude(R"lua(
local count = 0
for _, session in ipairs(all()) do
  if session.d ~= ARGV[1] then count = count + drop(session.d) end
end
return count
)lua");
};

const Scripts& Known() {
  static const Scripts kScripts;
  return kScripts;
}

std::string DigestOf(std::string_view text, std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hex;
  hex.reserve(digits);
  for (std::size_t i = 0; i < digits / 2; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string MillisOf(Duration span) {
  return std::to_string(std::chrono::ceil<Millis>(span).count());
}

Result<UnixTime> TimeOf(const Reply& reply) {
  const Result<std::int64_t> number = reply.AsInteger();
  if (!number) return std::unexpected(number.error());
  return UnixTime(Millis(*number));
}

// What `answer` gives.
Sessions::Found ReadSession(const Result<Reply>& reply, std::string id) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->is_null()) return std::nullopt;
  if (reply->text() == "conflict")
    return Fail(Errc::kConflict, "somebody else has changed the session");
  const auto elements = reply->elements();
  if (elements.size() != 7) return Fail(Errc::kProtocol, "not a session");
  Session session{.id = std::move(id), .user = std::string(elements[0].text()), .claims = {}};
  Result<Claims> claims = DecodeValue<Claims, MessagePack>(elements[1].text());
  if (!claims) return Pass(std::move(claims));
  session.claims = *std::move(claims);
  const Result<std::int64_t> version = elements[2].AsInteger();
  const Result<UnixTime> created = TimeOf(elements[3]);
  const Result<UnixTime> expires = TimeOf(elements[4]);
  const Result<UnixTime> end = TimeOf(elements[5]);
  const Result<std::int64_t> left = elements[6].AsInteger();
  if (!version || !created || !expires || !end || !left)
    return Fail(Errc::kProtocol, "not a session's numbers");
  session.version = *version;
  session.created = *created;
  session.expires = *expires;
  session.end = *end;
  session.left = Millis(*left);
  return session;
}

Result<Session> ReadCreated(const Result<Reply>& reply, std::string id) {
  Sessions::Found found = ReadSession(reply, std::move(id));
  if (!found) return Pass(std::move(found));
  if (!*found) return Fail(Errc::kProtocol, "a session that was made is not there");
  return **std::move(found);
}

Result<std::vector<SessionInfo>> ReadList(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  std::vector<SessionInfo> sessions;
  for (const Reply& row : reply->elements()) {
    const auto elements = row.elements();
    if (elements.size() != 4) return Fail(Errc::kProtocol, "not a list of sessions");
    const Result<UnixTime> created = TimeOf(elements[1]);
    const Result<UnixTime> touched = TimeOf(elements[2]);
    const Result<UnixTime> expires = TimeOf(elements[3]);
    if (!created || !touched || !expires) return Fail(Errc::kProtocol, "not a session's numbers");
    sessions.push_back({.handle = std::string(elements[0].text()),
                        .created = *created,
                        .touched = *touched,
                        .expires = *expires});
  }
  return sessions;
}

Result<std::int64_t> ReadCount(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return reply->AsInteger();
}

Result<bool> ReadTruth(const Result<Reply>& reply) {
  const Result<std::int64_t> count = ReadCount(reply);
  if (!count) return std::unexpected(count.error());
  return *count > 0;
}

Result<std::string> EncodeClaims(const Claims& claims) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : claims) bytes += name.size() + value.size();
  if (bytes > kClaimsBytesMax) return Fail(Errc::kLimit, "a session's claims are too large");
  return EncodeValue<MessagePack>(claims);
}

Result<void> CheckOptions(const SessionOptions& options) {
  for (const Duration span : {options.idle, options.cap}) {
    if (span < Millis(1) || span > kTimeMax)
      return Fail(Errc::kInvalid, "idle and cap of sessions are from 1 ms to 10^12 ms");
  }
  if (options.per_user_max == 0) return Fail(Errc::kInvalid, "a user may have 1 session or more");
  return {};
}

Result<void> Apply(const Sessions::Edit& edit, Claims& claims) {
  try {
    edit(claims);
    return {};
  } catch (...) {
    return std::unexpected(internal::ThrownError("the edit", std::current_exception()));
  }
}

std::string TagOf(std::string_view user) {
  return user.empty() ? internal::RandomHex(kTagDigits / 2) : DigestOf(user, kTagDigits);
}

std::string NewId(std::string_view tag) {
  return std::string(tag) + "." + internal::RandomHex(kSecretDigits / 2);
}

}  // namespace

struct Sessions::Question {
  const Script& script;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
  Idempotence idempotence = Idempotence::kByCommand;
};

// An id taken apart.
struct Sessions::Id {
  std::string_view tag;
  std::string digest;

  // Nothing if it cannot be one: whatever a cookie holds, it reaches no other key.
  static std::optional<Id> Parse(std::string_view id) {
    if (id.size() != kTagDigits + 1 + kSecretDigits || id[kTagDigits] != '.' ||
        !IsHex(id.substr(0, kTagDigits)) || !IsHex(id.substr(kTagDigits + 1)))
      return std::nullopt;
    return Id{.tag = id.substr(0, kTagDigits), .digest = DigestOf(id, kDigestDigits)};
  }
};

Sessions::Sessions(Store store, std::string prefix, SessionOptions options)
    : store_(std::move(store)), prefix_(std::move(prefix)), options_(options) {}

std::string Sessions::KeyOf(std::string_view tag) const {
  return prefix_ + ":{" + std::string(tag) + "}";
}

Result<Reply> Sessions::Ask(const Result<Question>& question) const {
  if (Result<void> valid = CheckOptions(options_); !valid) return Pass(std::move(valid));
  if (!question) return std::unexpected(question.error());
  return store_.client().Eval(question->script, question->keys, question->arguments,
                              {.idempotence = question->idempotence});
}

Task<Result<Reply>> Sessions::CoAsk(Result<Question> question) const {
  if (Result<void> valid = CheckOptions(options_); !valid) co_return Pass(std::move(valid));
  if (!question) co_return std::unexpected(question.error());
  CallOptions options;
  options.idempotence = question->idempotence;
  co_return co_await store_.client().CoEval(question->script, std::move(question->keys),
                                            std::move(question->arguments), options);
}

// ---- Questions ---------------------------------------------------------------------------------

Result<Sessions::Question> Sessions::AskCreate(const std::string& id, std::string_view user,
                                               const Claims& claims) const {
  Result<std::string> bytes = EncodeClaims(claims);
  if (!bytes) return Pass(std::move(bytes));
  const Id parsed = *Id::Parse(id);
  return Question{
      .script = Known().create,
      .keys = {KeyOf(parsed.tag)},
      .arguments = {parsed.digest, *std::move(bytes), std::string(user), MillisOf(options_.idle),
                    MillisOf(options_.cap), std::to_string(options_.per_user_max)},
      .idempotence = Idempotence::kYes};
}

Sessions::Question Sessions::AskAbout(const Script& script, const Id& id) const {
  return Question{
      .script = script,
      .keys = {KeyOf(id.tag)},
      .arguments = {id.digest, MillisOf(options_.idle)},
      .idempotence = &script == &Known().destroy ? Idempotence::kByCommand : Idempotence::kYes};
}

Sessions::Question Sessions::AskRotate(const Id& old_id, const std::string& new_id) const {
  Question question = AskAbout(Known().rotate, old_id);
  question.arguments.push_back(Id::Parse(new_id)->digest);
  question.idempotence = Idempotence::kByCommand;
  return question;
}

Result<Sessions::Question> Sessions::AskUpdate(const Session& session) const {
  Result<std::string> bytes = EncodeClaims(session.claims);
  if (!bytes) return Pass(std::move(bytes));
  const std::optional<Id> id = Id::Parse(session.id);
  if (!id) return Fail(Errc::kInvalid, "a session that was not read");
  Question question = AskAbout(Known().update, *id);
  question.arguments.push_back(std::to_string(session.version));
  question.arguments.push_back(*std::move(bytes));
  question.idempotence = Idempotence::kByCommand;
  return question;
}

Result<Sessions::Question> Sessions::AskUser(const Script& script, std::string_view user,
                                             std::string argument) const {
  if (user.empty()) return Fail(Errc::kInvalid, "a user is needed");
  return Question{
      .script = script, .keys = {KeyOf(TagOf(user))}, .arguments = {std::move(argument)}};
}

// ---- Operations --------------------------------------------------------------------------------

Result<Session> Sessions::Create(std::string_view user, const Claims& claims) const {
  const std::string id = NewId(TagOf(user));
  return ReadCreated(Ask(AskCreate(id, user, claims)), id);
}

Task<Result<Session>> Sessions::CoCreate(std::string user, Claims claims) const {
  const std::string id = NewId(TagOf(user));
  const Result<Reply> reply = co_await CoAsk(AskCreate(id, user, claims));
  co_return ReadCreated(reply, id);
}

Sessions::Found Sessions::Get(std::string_view id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) return std::nullopt;
  return ReadSession(Ask(AskAbout(Known().get, *parsed)), std::string(id));
}

Task<Sessions::Found> Sessions::CoGet(std::string id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) co_return std::nullopt;
  const Result<Reply> reply = co_await CoAsk(AskAbout(Known().get, *parsed));
  co_return ReadSession(reply, std::move(id));
}

Sessions::Found Sessions::Touch(std::string_view id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) return std::nullopt;
  return ReadSession(Ask(AskAbout(Known().touch, *parsed)), std::string(id));
}

Task<Sessions::Found> Sessions::CoTouch(std::string id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) co_return std::nullopt;
  const Result<Reply> reply = co_await CoAsk(AskAbout(Known().touch, *parsed));
  co_return ReadSession(reply, std::move(id));
}

Sessions::Found Sessions::Update(const Session& session) const {
  return ReadSession(Ask(AskUpdate(session)), session.id);
}

Task<Sessions::Found> Sessions::CoUpdate(Session session) const {
  const Result<Reply> reply = co_await CoAsk(AskUpdate(session));
  co_return ReadSession(reply, std::move(session.id));
}

Sessions::Found Sessions::Modify(std::string_view id, const Edit& edit) const {
  for (int attempt = 1;; ++attempt) {
    Found session = Get(id);
    if (!session || !*session) return session;
    if (Result<void> edited = Apply(edit, (*session)->claims); !edited)
      return Pass(std::move(edited));
    Found updated = Update(**session);
    if (updated || updated.error().code != Errc::kConflict || attempt == kAttemptsMax)
      return updated;
  }
}

Task<Sessions::Found> Sessions::CoModify(std::string id, Edit edit) const {
  for (int attempt = 1;; ++attempt) {
    Found session = co_await CoGet(id);
    if (!session || !*session) co_return session;
    if (Result<void> edited = Apply(edit, (*session)->claims); !edited)
      co_return Pass(std::move(edited));
    Found updated = co_await CoUpdate(**std::move(session));
    if (updated || updated.error().code != Errc::kConflict || attempt == kAttemptsMax)
      co_return updated;
  }
}

Sessions::Found Sessions::Rotate(std::string_view id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) return std::nullopt;
  const std::string new_id = NewId(parsed->tag);
  return ReadSession(Ask(AskRotate(*parsed, new_id)), new_id);
}

Task<Sessions::Found> Sessions::CoRotate(std::string id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) co_return std::nullopt;
  const std::string new_id = NewId(parsed->tag);
  const Result<Reply> reply = co_await CoAsk(AskRotate(*parsed, new_id));
  co_return ReadSession(reply, new_id);
}

Result<bool> Sessions::Destroy(std::string_view id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) return false;
  return ReadTruth(Ask(AskAbout(Known().destroy, *parsed)));
}

Task<Result<bool>> Sessions::CoDestroy(std::string id) const {
  const std::optional<Id> parsed = Id::Parse(id);
  if (!parsed) co_return false;
  const Result<Reply> reply = co_await CoAsk(AskAbout(Known().destroy, *parsed));
  co_return ReadTruth(reply);
}

Result<std::vector<SessionInfo>> Sessions::Of(std::string_view user) const {
  return ReadList(Ask(AskUser(Known().list, user, std::string())));
}

Task<Result<std::vector<SessionInfo>>> Sessions::CoOf(std::string user) const {
  const Result<Reply> reply = co_await CoAsk(AskUser(Known().list, user, std::string()));
  co_return ReadList(reply);
}

Result<bool> Sessions::DestroyOne(std::string_view user, std::string_view handle) const {
  if (handle.size() != kDigestDigits || !IsHex(handle)) return false;
  return ReadTruth(Ask(AskUser(Known().destroy, user, std::string(handle))));
}

Task<Result<bool>> Sessions::CoDestroyOne(std::string user, std::string handle) const {
  if (handle.size() != kDigestDigits || !IsHex(handle)) co_return false;
  const Result<Reply> reply = co_await CoAsk(AskUser(Known().destroy, user, std::move(handle)));
  co_return ReadTruth(reply);
}

// The digest of the one to keep; no digest: none.
std::string Sessions::KeptDigest(std::string_view keep) {
  const std::optional<Id> kept = Id::Parse(keep);
  return kept ? kept->digest : std::string();
}

Result<std::int64_t> Sessions::DestroyAll(std::string_view user, std::string_view keep) const {
  return ReadCount(Ask(AskUser(Known().destroy_all, user, KeptDigest(keep))));
}

Task<Result<std::int64_t>> Sessions::CoDestroyAll(std::string user, std::string keep) const {
  Result<Question> question = AskUser(Known().destroy_all, user, KeptDigest(keep));
  const Result<Reply> reply = co_await CoAsk(std::move(question));
  co_return ReadCount(reply);
}

}  // namespace cairn::cache
