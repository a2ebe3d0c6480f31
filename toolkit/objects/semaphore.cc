// SPDX-License-Identifier: BSD-3-Clause
// One hash: "p<owner>" the end of a permit, "q<owner>" ticket and end of one that waits, "n" the
// next ticket; milliseconds of the server's clock. What has ended is dropped by whoever comes.
#include "cairn/semaphore.h"

#include <algorithm>
#include <utility>

#include "objects/permit_body.h"
#include "objects/random.h"

namespace cairn::cache {
namespace {

constexpr std::size_t kOwnerBytes = 16;
// One who waits and has not asked for so long is dead. Several times BackOff::kMost.
constexpr Millis kPatience{2000};

constexpr std::string_view kPrelude = R"lua(
local key, owner = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local function outlive(moment)
  local left = moment - now
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, text(left)) end
end
)lua";

struct Scripts {
  // ARGV: owner, ttl, permits, fair (0 or 1), patience (0: does not wait).
  const Script acquire{std::string(kPrelude) + R"lua(
local ttl, permits, patience = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local taken, ahead, ticket = 0, 0, nil
local waiting = {}
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local kind, name = string.sub(fields[i], 1, 1), string.sub(fields[i], 2)
  if kind == 'p' and name ~= owner then
    if tonumber(fields[i + 1]) > now then taken = taken + 1
    else redis.call('HDEL', key, fields[i]) end
  elseif kind == 'q' then
    local number, moment = string.match(fields[i + 1], '^(%d+):(%d+)$')
    if name == owner then ticket = tonumber(number)
    elseif tonumber(moment) > now then waiting[#waiting + 1] = tonumber(number)
    else redis.call('HDEL', key, fields[i]) end
  end
end
for _, number in ipairs(waiting) do
  if not ticket or number < ticket then ahead = ahead + 1 end
end
if taken + (ARGV[4] == '1' and ahead or 0) < permits then
  redis.call('HDEL', key, 'q' .. owner)
  redis.call('HSET', key, 'p' .. owner, text(now + ttl))
  outlive(now + ttl)
  return 1
end
if patience > 0 and ARGV[4] == '1' then
  ticket = ticket or redis.call('HINCRBY', key, 'n', 1)
  redis.call('HSET', key, 'q' .. owner, text(ticket) .. ':' .. text(now + patience))
  outlive(now + patience)
end
return 0
)lua"};
  // ARGV: owner, ttl.
  const Script renew{std::string(kPrelude) + R"lua(
local moment = tonumber(redis.call('HGET', key, 'p' .. owner) or '0')
if moment <= now then return 0 end
redis.call('HSET', key, 'p' .. owner, text(now + tonumber(ARGV[2])))
outlive(now + tonumber(ARGV[2]))
return 1
)lua"};
  // ARGV: owner.
  const Script release{std::string(kPrelude) + R"lua(
local moment = tonumber(redis.call('HGET', key, 'p' .. owner) or '0')
redis.call('HDEL', key, 'p' .. owner, 'q' .. owner)
return moment > now and 1 or 0
)lua"};
};

const Scripts& Known() {
  static const Scripts kScripts;
  return kScripts;
}

Result<bool> ReadTruth(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return reply->AsBool();
}

// Script by its source: so it is one command, which needs no second if the server does not know it.
Command EvalCommand(const Script& script, const std::string& name, const std::string& owner) {
  return Command("EVAL", script.source(), 1, name, owner);
}

void Start(Client& client, Command command, std::optional<Duration> timeout,
           internal::Keeper::Answer answer) {
  CallOptions options;
  options.timeout = timeout;
  options.idempotence = Idempotence::kYes;
  client.Start(std::move(command), options,
               [answer = std::move(answer)](const Result<Reply>& reply) mutable {
                 answer(ReadTruth(reply));
               });
}

}  // namespace

Semaphore::Semaphore(Store store, std::string name, SemaphoreOptions options)
    : store_(std::move(store)),
      name_(std::move(name)),
      options_(options),
      margin_(options.margin.value_or(options.ttl / 10)) {}

Result<void> Semaphore::Check() const {
  if (name_.empty()) return Fail(Errc::kInvalid, "a semaphore has a name");
  if (options_.permits == 0 || options_.permits > kPermitsMax)
    return Fail(Errc::kInvalid, "a semaphore has 1 to 1024 permits");
  return internal::CheckTimes(options_.ttl, margin_);
}

// Gives back a permit, or a place in the queue.
void Semaphore::Leave(const std::string& owner) const {
  Start(store_.client(), EvalCommand(Known().release, name_, owner), std::nullopt,
        [](const Result<bool>&) {});
}

Task<Result<std::optional<Permit>>> Semaphore::Attempt(std::string owner, bool waits,
                                                       std::stop_token stop) const {
  const Clock& clock = store_.scheduler().clock();
  const TimePoint asked = clock.Now();
  std::vector<std::string> keys;
  keys.push_back(name_);
  std::vector<std::string> arguments;
  arguments.push_back(owner);
  arguments.push_back(internal::MillisText(options_.ttl));
  arguments.push_back(std::to_string(options_.permits));
  arguments.emplace_back(options_.is_fair ? "1" : "0");
  arguments.push_back(waits ? internal::MillisText(kPatience) : std::string("0"));
  CallOptions call;
  call.stop = std::move(stop);
  const Result<Reply> reply = co_await store_.client().CoEval(
      Known().acquire, std::move(keys), std::move(arguments), std::move(call));
  const Result<bool> granted = ReadTruth(reply);
  if (!granted) {
    Leave(owner);
    co_return std::unexpected(granted.error());
  }
  if (!*granted) co_return std::nullopt;
  Client& client = store_.client();
  std::vector<Store> stores(1, store_);
  internal::KeepOptions keep;
  keep.ttl = options_.ttl;
  keep.margin = margin_;
  keep.renews = options_.renews;
  auto body = std::make_unique<Permit::Body>(
      std::move(stores), keep,
      [&client, name = name_, owner](internal::Keeper::Question question,
                                     internal::Keeper::Answer answer) {
        Command renew = EvalCommand(Known().renew, name, owner);
        renew.Add(internal::MillisText(question.ttl));
        Start(client, std::move(renew), question.timeout, std::move(answer));
      },
      [&client, name = name_, owner](internal::Keeper::Answer answer) {
        Start(client, EvalCommand(Known().release, name, owner), std::nullopt, std::move(answer));
      });
  // Too little is left of it. It goes back with the body, maybe late: the owner has to be another.
  if (clock.Now() >= asked + options_.ttl - margin_)
    co_return Fail(Errc::kTimeout, "the answer took as long as the ttl");
  body->keeper->Begin(asked);
  co_return std::optional<Permit>(std::in_place, std::move(body));
}

Task<Result<Permit>> Semaphore::CoAcquire(AcquireOptions options) const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  std::stop_token stop = options.stop;
  if (!stop.stop_possible()) stop = co_await CurrentStop();
  const Clock& clock = store_.scheduler().clock();
  const TimePoint deadline = clock.Now() + std::min<Duration>(options.timeout, kWaitMax);
  // One owner for all attempts: his place in the queue is his.
  const std::string owner = internal::RandomHex(kOwnerBytes);
  internal::BackOff back_off;
  for (;;) {
    const bool waits = options.timeout > Duration::zero();
    Result<std::optional<Permit>> permit = co_await Attempt(owner, waits, stop);
    if (!permit) co_return Pass(std::move(permit));
    if (*permit) co_return *std::move(*permit);
    const Duration pause = back_off.Next();
    const bool is_late = clock.Now() + pause >= deadline;
    if (!is_late) co_await Sleep(store_.scheduler(), pause);
    if (is_late || stop.stop_requested()) {
      if (options_.is_fair) Leave(owner);
      if (is_late) co_return Fail(Errc::kTimeout, "all permits are taken");
      co_return Fail(Errc::kCancelled, "cancelled");
    }
  }
}

Result<Permit> Semaphore::Acquire(const AcquireOptions& options) const {
  return SyncWait(CoAcquire(options), options.stop);
}

Task<Result<std::optional<Permit>>> Semaphore::CoTryAcquire() const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  const std::stop_token stop = co_await CurrentStop();
  co_return co_await Attempt(internal::RandomHex(kOwnerBytes), false, stop);
}

Result<std::optional<Permit>> Semaphore::TryAcquire() const { return SyncWait(CoTryAcquire()); }

}  // namespace cairn::cache
