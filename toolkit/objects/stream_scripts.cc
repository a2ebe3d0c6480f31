// SPDX-License-Identifier: BSD-3-Clause
// The scripts, each the whole of a step: what it decides on it has read itself.
#include "objects/stream_scripts.h"

namespace cairn::cache::internal {

const Script& TakeScript() {
  static const Script script(R"(
local taken = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local seen = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
  if #seen == 1 then
    local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)
    if claimed[1] and claimed[1][2] then
      taken[#taken + 1] = {id, seen[1][4] + 1, claimed[1][2]}
    else
      redis.call('XACK', KEYS[1], ARGV[1], id)
    end
  end
end
return taken)");
  return script;
}

const Script& RenewScript() {
  static const Script script(R"(
local lost = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  else
    lost = lost + 1
  end
end
return lost)");
  return script;
}

const Script& AcknowledgeAndDeleteScript() {
  static const Script script(R"(
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if acknowledged == 1 then redis.call('XDEL', KEYS[1], ARGV[2]) end
return acknowledged)");
  return script;
}

// Of an entry with more words than Lua passes to a call (8,000) the letter says only where it is,
// and it stays there.
const Script& BuryScript() {
  static const Script script(R"(
local group, consumer, id, stays = ARGV[1], ARGV[2], ARGV[3], false
local seen = redis.call('XPENDING', KEYS[1], group, id, id, 1, consumer)
if #seen == 0 then return 0 end
local entry = redis.call('XRANGE', KEYS[1], id, id)
if entry[1] then
  if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[5]) then return -1 end
  local letter = {'XADD', KEYS[2], '*', 'dead:stream', KEYS[1], 'dead:group', group, 'dead:id', id,
                  'dead:deliveries', tostring(seen[1][4]), 'dead:error', ARGV[4]}
  stays = #entry[1][2] > 7000
  local words = stays and {'dead:fields', 'in the stream'} or entry[1][2]
  for _, word in ipairs(words) do letter[#letter + 1] = word end
  redis.call(unpack(letter))
end
redis.call('XACK', KEYS[1], group, id)
if ARGV[6] == '1' and not stays then redis.call('XDEL', KEYS[1], id) end
return 1)");
  return script;
}

// A letter begins as BuryScript has written it.
const Script& RedriveLettersScript() {
  static const Script script(R"(
local group, moved, last = ARGV[1], 0, ''
local rows = redis.call('XRANGE', KEYS[2], ARGV[3], '+', 'COUNT', ARGV[4])
for _, row in ipairs(rows) do
  if moved == tonumber(ARGV[5]) then break end
  last = row[1]
  local words = row[2]
  if words[1] == 'dead:stream' and words[2] == KEYS[1] and words[3] == 'dead:group' and
      words[4] == group and words[5] == 'dead:id' then
    local id = words[6]
    if redis.call('XRANGE', KEYS[1], id, id)[1] then
      redis.call('XCLAIM', KEYS[1], group, ARGV[2], 0, id, 'IDLE', ARGV[6], 'RETRYCOUNT', 0,
                 'FORCE', 'JUSTID')
    else
      local entry = {'XADD', KEYS[1], '*'}
      for i = 11, #words do entry[#entry + 1] = words[i] end
      redis.call(unpack(entry))
    end
    redis.call('XDEL', KEYS[2], row[1])
    moved = moved + 1
  end
end
return {moved, last, #rows})");
  return script;
}

const Script& TrimScript() {
  static const Script script(R"(
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local function is_before(a, b)
  local a_ms, a_seq = parts(a)
  local b_ms, b_seq = parts(b)
  return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end
local lowest = false
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #row, 2 do group[row[i]] = row[i + 1] end
  local needed = group['last-delivered-id']
  if group.pending > 0 then needed = redis.call('XPENDING', KEYS[1], group.name)[2] end
  if not lowest or is_before(needed, lowest) then lowest = needed end
end
if not lowest then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', lowest))");
  return script;
}

const Script& ApplyOnceScript() {
  static const Script script(R"(
if not redis.call('SET', KEYS[1], '1', 'PX', ARGV[1], 'NX') then return 0 end
local at = 2
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  local words = {}
  for i = 1, count do words[i] = ARGV[at + i] end
  local done = redis.pcall(unpack(words))
  if type(done) == 'table' and done.err then
    if at > 2 then return redis.error_reply('PARTLY ' .. done.err) end
    redis.call('DEL', KEYS[1])
    return done
  end
  at = at + count + 1
end
return 1)");
  return script;
}

}  // namespace cairn::cache::internal
