// SPDX-License-Identifier: BSD-3-Clause
// Limiters and locks, kept in the very texts that Cairn keeps (value/limits.h, value/lock.h).
//
// A limiter's script decides and stores; what it replies is the time and the state before, from
// which the client makes the answer by the same code as the server's. GCRA's sums are made in whole
// microseconds and `limit`ths of one, so that nothing exceeds 2^53.
#include "foreign/scripts.h"

namespace cairn::foreign {
namespace {

constexpr std::string_view kClock = R"lua(
if redis.replicate_commands then redis.replicate_commands() end
local call = redis.call
local clock = call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function int(number) return string.format('%.0f', number) end
)lua";

// ARGV: "take" or "peek", then six words a key: law, limit, and
//     G: price and room, each as microseconds and limitths of one
//     F: period in microseconds, cost, 0, 0
//     S: sub-window in microseconds, cost, 0, 0
constexpr std::string_view kLimitText = R"lua(
local OTHER = redis.error_reply('WRONGTYPE Key does not hold the state of such a limit')
local MOST = 9007199254740992
local function number(text)
  local n = text and #text <= 16 and text:match('^%d+$') and tonumber(text)
  return n and n < MOST and n or nil
end
local function ceil_ms(us) return math.ceil(us / 1000) end
local laws = {}
function laws.G(text, rule)
  local limit, tat, part = rule[1], 0, 0
  if text then
    local a, b, c = text:match('^G1:(%d+):(%d+)/(%d+)$')
    a, b, c = number(a), number(b), number(c)
    if not a or not b or not c or b >= c then return nil end
    tat, part = a, b
    if c ~= limit then tat, part = a + (b > 0 and 1 or 0), 0 end
  end
  if tat < now_us then tat, part = now_us, 0 end
  local whole, rest = tat - now_us + rule[2], part + rule[3]
  if rest >= limit then whole, rest = whole + 1, rest - limit end
  local allowed = whole < rule[4] or (whole == rule[4] and rest <= rule[5])
  local at = now_us + whole
  return allowed, 'G1:' .. int(at) .. ':' .. int(rest) .. '/' .. int(limit),
         ceil_ms(at + (rest > 0 and 1 or 0))
end
function laws.F(text, rule)
  local window, count = 0, 0
  if text then
    window, count = text:match('^F1:(%d+):(%d+)$')
    window, count = number(window), number(count)
    if not window or not count then return nil end
  end
  if window <= now_us then window, count = now_us + rule[2], 0 end
  return count + rule[3] <= rule[1], 'F1:' .. int(window) .. ':' .. int(count + rule[3]),
         ceil_ms(window)
end
function laws.S(text, rule)
  local STEPS, step, counts, sum = 16, rule[2], {}, 0
  local head = math.floor(now_us / step)
  for i = 0, STEPS do counts[i] = 0 end
  if text then
    local old_step, old_head, list = text:match('^S1:(%d+):(%d+):([%d,]+)$')
    old_step, old_head = number(old_step), number(old_head)
    if not old_step or not old_head or old_step < 1 then return nil end
    local same, age = old_step == step, 0
    if same and old_head > head then head = old_head end
    for word in list:gmatch('[^,]+') do
      local count = number(word)
      if not count or age > STEPS then return nil end
      local at = old_head - age
      if not same then at = math.floor(math.min((at + 1) * old_step - 1, now_us) / step) end
      if count > 0 and head - at <= STEPS then counts[head - at] = counts[head - at] + count end
      age = age + 1
    end
  end
  for i = 0, STEPS do sum = sum + counts[i] end
  local allowed = sum + rule[3] <= rule[1]
  counts[0] = counts[0] + rule[3]
  local last, newest = STEPS, 0
  while last > 0 and counts[last] == 0 do last = last - 1 end
  while counts[newest] == 0 do newest = newest + 1 end
  local words = {}
  for i = 0, last do words[i + 1] = int(counts[i]) end
  return allowed, 'S1:' .. int(step) .. ':' .. int(head) .. ':' .. table.concat(words, ','),
         ceil_ms((head - newest + STEPS + 1) * step)
end
local reply, texts, ends, all = {int(now_us)}, {}, {}, true
for i, key in ipairs(KEYS) do
  local text = redis.pcall('GET', key)
  if type(text) == 'table' then return text end
  local at, rule = 2 + (i - 1) * 6, {}
  for n = 1, 5 do rule[n] = tonumber(ARGV[at + n]) end
  local allowed, after, ends_at = laws[ARGV[at]](text, rule)
  if allowed == nil then return OTHER end
  reply[i + 1], texts[i], ends[i], all = text, after, ends_at, all and allowed
end
if all and ARGV[1] == 'take' then
  for i, key in ipairs(KEYS) do call('SET', key, texts[i], 'PXAT', ends[i]) end
end
return reply
)lua";

// KEYS: the lock, the counter of fences of its slot. The counter has no end; and whatever becomes
// of it, the clock has gone on.
constexpr std::string_view kLockShared = R"lua(
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' then return text end
local fence, owner
if text then
  fence, owner = text:match('^L1:(%d+):(.+)$')
  fence = fence and #fence <= 16 and tonumber(fence) or nil
  if not fence or fence < 1 or #owner > 1024 then
    return redis.error_reply('WRONGTYPE Key does not hold a lock')
  end
end
local function lost() return {redis.status_reply('LOST'), fence or 0} end
)lua";

// ARGV: owner, milliseconds.
constexpr std::string_view kAcquireText = R"lua(
if fence and owner ~= ARGV[1] then return false end
local last = tonumber(call('GET', KEYS[2]) or 0) or 0
local next_fence = math.max(last + 1, (fence or 0) + 1, now_us)
call('SET', KEYS[2], int(next_fence))
call('SET', KEYS[1], 'L1:' .. int(next_fence) .. ':' .. ARGV[1], 'PXAT', now + ARGV[2])
return next_fence
)lua";

constexpr std::string_view kRenewText = R"lua(
if owner ~= ARGV[1] then return lost() end
call('PEXPIREAT', KEYS[1], now + ARGV[2])
return {redis.status_reply('OK'), fence}
)lua";

constexpr std::string_view kReleaseText = R"lua(
if owner ~= ARGV[1] then return lost() end
call('DEL', KEYS[1])
return {redis.status_reply('OK'), fence}
)lua";

constexpr std::string_view kLockInfoText = R"lua(
if not fence then return false end
return {'owner', owner, 'fence', fence, 'ttl', call('PTTL', KEYS[1]), 'waiters', 0}
)lua";

}  // namespace

std::string CounterScript(ScriptId id) {
  std::string text(kClock);
  if (id == ScriptId::kLimit) return text.append(kLimitText);
  text += kLockShared;
  switch (id) {
    case ScriptId::kLockAcquire:
      return text.append(kAcquireText);
    case ScriptId::kLockRenew:
      return text.append(kRenewText);
    case ScriptId::kLockRelease:
      return text.append(kReleaseText);
    case ScriptId::kLockInfo:
      return text.append(kLockInfoText);
    default:
      return {};
  }
}

}  // namespace cairn::foreign
