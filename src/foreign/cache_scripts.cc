// SPDX-License-Identifier: BSD-3-Clause
// CACHE.*: an entry is one hash under its key, with what is known of it, and its lease. So whatever
// else deletes or overwrites the key makes an end of the lease, too.
//
//     cairn        "1": it is one of ours
//     v | n        the value | it is known that there is no such row; neither, with ver: a
//     tombstone ver c s x    version, created, stale from, gone from (x none: never) cost r how
//     long its load took; no load before tags sp      its tags (MessagePack), its namespace st i
//     where the count of bumps stood, and in which life, when its load began lt lu lm     lease:
//     token, until, minimum version ls li lsp    count and life at its grant, the key's namespace
//     then pin plog     the entry of the log, and the log, that this is held for since        when
//     the first of the writes came that are one now
//
// A plain string is a value of which nothing is said.
#include "foreign/scripts.h"

namespace cairn::foreign {

std::string_view LookFunction();

namespace {

constexpr std::string_view kEntry = R"lua(
if redis.replicate_commands then redis.replicate_commands() end
local call = redis.call
local clock = call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local OK, VOID, OLD = {ok = 'OK'}, {ok = 'VOID'}, {ok = 'OLD'}
local TOMBSTONE = 60000
local FIELDS = {'cairn', 'v', 'n', 'ver', 'c', 's', 'x', 'cost', 'r', 'tags', 'sp', 'st', 'i',
                'lt', 'lu', 'lm', 'ls', 'li', 'lsp', 'pin', 'plog', 'since'}
local NUMBERS = {'c', 's', 'x', 'cost', 'r', 'st', 'lu', 'ls', 'since'}
local LEASE = {'lt', 'lu', 'lm', 'ls', 'li', 'lsp'}
local function int(number) return string.format('%.0f', number) end
-- Of two natural numbers as texts.
local function less(a, b) return #a < #b or (#a == #b and a < b) end
local function wrong_type()
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
end

-- What is there; other: of another type.
local function read(key)
  local got = redis.pcall('HMGET', key, unpack(FIELDS))
  if got.err then
    local text = redis.pcall('GET', key)
    if type(text) ~= 'string' then return {other = true} end
    return {v = text, plain = true}
  end
  if not got[1] then return {other = call('EXISTS', key) == 1 or nil} end
  local entry = {}
  for i, name in ipairs(FIELDS) do entry[name] = got[i] or nil end
  for _, name in ipairs(NUMBERS) do entry[name] = tonumber(entry[name]) end
  return entry
end
local function names_of(entry)
  local names = {}
  if entry.tags then
    for _, tag in ipairs(cmsgpack.unpack(entry.tags)) do names[#names + 1] = 't:' .. tag end
  end
  if entry.sp then names[#names + 1] = 'n:' .. entry.sp end
  if entry.lsp then names[#names + 1] = 'n:' .. entry.lsp end
  return names
end
-- The state of these tags; nothing: it has to be brought.
local function state_of(names, key)
  if ARGV[1] == '' then return look(names, key) end
  if ARGV[1] == '?' then return nil end
  local state = cmsgpack.unpack(ARGV[1])
  for _, name in ipairs(names) do
    if not state.bumps[name] then return nil end
  end
  return state
end
local function need(names)
  local reply = {'NEED'}
  for i, name in ipairs(names) do reply[i + 1] = name end
  return reply
end
-- Whether one was bumped softly, and hard, since the count stood at `stamp` in life `id`.
local function bumped(state, names, stamp, id)
  if #names == 0 then return false, false end
  if id ~= state.id then return true, true end
  local soft, hard = tonumber(state.soft) > stamp, tonumber(state.hard) > stamp
  for _, name in ipairs(names) do
    local s, h = state.bumps[name]:match('(%d+) (%d+)')
    soft, hard = soft or tonumber(s) > stamp, hard or tonumber(h) > stamp
  end
  return soft, hard
end

local function clear(entry, names)
  for _, name in ipairs(names) do entry[name] = nil end
  entry.dirty = true
end
local NOTES = {'n', 'ver', 'c', 's', 'x', 'cost', 'r', 'tags', 'sp', 'st', 'i', 'pin', 'plog',
               'since', 'soft'}
local function end_absence(entry)
  local version, ends = entry.ver, entry.x and entry.x + TOMBSTONE
  clear(entry, NOTES)
  if version and (not ends or ends > now) then entry.ver, entry.x = version, ends end
end
local function own_names(entry) return names_of({tags = entry.tags, sp = entry.sp}) end
-- What time, bumps and clears have made of it.
local function settle(entry, state)
  if entry.other or entry.plain then return end
  entry.past = entry.lt
  if entry.pin then
    local found = redis.pcall('XRANGE', entry.plog, entry.pin, entry.pin)
    if found.err or #found == 0 then clear(entry, {'pin', 'plog', 'since'}) end
  end
  if not entry.pin then
    local over = entry.x and entry.x <= now
    local hard = false
    if not over and (entry.v or entry.n) then
      entry.soft, hard = bumped(state, own_names(entry), entry.st, entry.i)
    end
    if entry.v and (over or hard) then
      clear(entry, FIELDS)
      entry.soft = nil
    elseif entry.n and (over or hard) then
      end_absence(entry)
    elseif over then
      clear(entry, NOTES)
    end
  end
  if entry.lt and entry.lu <= now then clear(entry, LEASE) end
  if entry.lsp and entry.lt then
    local _, cleared = bumped(state, {'n:' .. entry.lsp}, entry.ls, entry.li)
    if cleared then clear(entry, LEASE) end
  end
end
-- The entry as it is now, and the state of its tags if there is need of it; else what is missing.
local function fetch(key, always)
  local entry = read(key)
  local names, state = names_of(entry), nil
  if #names > 0 or always then
    state = state_of(names, key)
    if not state then return entry, nil, names end
  end
  settle(entry, state)
  return entry, state
end
-- The error if there is no memory: asked of a command that needs some and changes nothing. A script
-- that has written before it is not asked again, and UNLINK comes first in write.
local function out_of_memory(key)
  local probe = redis.pcall('SETRANGE', key, 0, '')
  return type(probe) == 'table' and probe.err and probe.err:find('^%-?OOM') and probe or nil
end
-- When the key may go: never for nothing.
local function ends_at(entry)
  if entry.pin then return nil end
  if entry.v then return entry.x end
  local ends = 0
  if entry.n or entry.ver then
    if not entry.x then return nil end
    ends = entry.x + (entry.n and entry.ver and TOMBSTONE or 0)
  end
  return math.max(ends, entry.lt and entry.lu or 0)
end
local function write(key, entry)
  call('UNLINK', key)
  if not (entry.v or entry.n or entry.ver or entry.lt) then return end
  entry.cairn = '1'
  local words = {}
  for _, name in ipairs(FIELDS) do
    if entry[name] then words[#words + 1], words[#words + 2] = name, entry[name] end
  end
  call('HSET', key, unpack(words))
  local ends = ends_at(entry)
  if ends then call('PEXPIREAT', key, int(ends)) end
end
local function end_lease(key, entry)
  if not entry.lt and not entry.dirty then return end
  clear(entry, LEASE)
  write(key, entry)
end
local function overrule_absence(entry)
  clear(entry, LEASE)
  if entry.n and not entry.pin then end_absence(entry) end
end
)lua";

// Appending to a log; KEYS: the key, the log, the log's stretch.
constexpr std::string_view kBehind = R"lua(
-- The id, or nothing and the error.
local function append(entry, op, value, version, entries_max, coalesce)
  local log = KEYS[2]
  if log == KEYS[1] then return nil, wrong_type() end
  local size = redis.pcall('XLEN', log)
  if type(size) == 'table' then return nil, wrong_type() end
  local replaced, since = nil, now
  if entry.pin and entry.plog == log and now >= entry.since and now - entry.since < coalesce and
     #call('XRANGE', log, entry.pin, entry.pin) > 0 then
    replaced, since = entry.pin, entry.since
    for _, group in ipairs(call('XINFO', 'GROUPS', log)) do
      local last
      for i = 1, #group, 2 do if group[i] == 'last-delivered-id' then last = group[i + 1] end end
      local a, b = last:match('(%d+)-(%d+)')
      local c, d = entry.pin:match('(%d+)-(%d+)')
      if less(c, a) or (c == a and not less(b, d)) then replaced, since = nil, now end
    end
  end
  if not replaced and size >= entries_max then
    return nil, redis.error_reply('LOGFULL the log has ' .. size ..
                                  ' entries that are not acknowledged')
  end
  local id = call('XADD', log, '*', 'op', op, 'key', KEYS[1], 'ver', version or '0',
                  'value', value)
  if replaced then
    call('XDEL', log, replaced)
    local stretch = math.min(math.max(tonumber(id:match('%d+')) - since, 0), 600000)
    if stretch > tonumber(call('GET', KEYS[3]) or -1) then call('SET', KEYS[3], stretch) end
  end
  return id, since
end
)lua";

// Most reads: a value that is fresh, of which nobody has to be asked. It stands before all else, so
// that nothing else is made for it: half of what it costs by the long way.
constexpr std::string_view kFreshText = R"lua(
if redis.replicate_commands then redis.replicate_commands() end
if ARGV[4] == '' then
  local got = redis.pcall('HMGET', KEYS[1], 'v', 'cairn', 's', 'x', 'c', 'ver', 'cost', 'tags',
                          'sp', 'pin')
  if not got.err and got[1] and got[2] and not got[8] and not got[9] and not got[10] then
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local left = got[3] and got[3] - now
    if not left or (left > (tonumber(got[7]) or 0) and got[4] - now > 0) then
      return {'fresh', got[1], false, got[6] or '0', math.max(0, now - (got[5] or now)), left or -1,
              ARGV[6] == '1' and {} or nil}
    end
  end
end
)lua";

// ARGV from 3: lease or "", minimum version or "", "1": stale will do, "1": tell the tags.
constexpr std::string_view kGetText = R"lua(
local key = KEYS[1]
local entry, state, missing = fetch(key)
if missing then return need(missing) end
if entry.other then return wrong_type() end
local lease_ms = tonumber(ARGV[3])
local known = entry.v or entry.n
local fits = ARGV[4] == '' or (entry.ver and not less(entry.ver, ARGV[4]))
local stale = not entry.pin and ((entry.s and entry.s <= now) or entry.soft)
local word, grants = 'miss', true
if known and fits then
  local may = not entry.r or entry.r <= now
  if not stale then
    word = 'fresh'
    grants = may and not entry.pin and entry.s and entry.s - now <= (entry.cost or 0)
  elseif ARGV[5] == '1' then
    word, grants = 'stale', may
  end
end
if word == 'miss' and lease_ms and entry.lt then return {'loading', false, false, '0', 0, -1} end
local token = false
grants = grants and lease_ms and not entry.lt and not entry.plain and #key <= 1024
if grants and not out_of_memory(key) then
  state = state or state_of({}, key)
  if not state then return need({}) end
  local us = now_us
  if entry.past then us = math.max(us, tonumber(entry.past:sub(1, -4)) + 1) end
  token = int(us) .. string.format('%03d', tonumber(ARGV[2]:sub(1, 8), 16) % 1000)
  entry.lt, entry.lu, entry.lm = token, now + lease_ms, ARGV[4] == '' and '0' or ARGV[4]
  entry.ls, entry.li, entry.lsp = tonumber(state.count), state.id, state.space
  if entry.dirty then
    write(key, entry)
  else
    if not entry.lsp then call('HDEL', key, 'lsp') end
    call('HSET', key, 'cairn', '1', 'lt', token, 'lu', entry.lu, 'lm', entry.lm, 'ls', entry.ls,
         'li', entry.li)
    if entry.lsp then call('HSET', key, 'lsp', entry.lsp) end
    local ends = ends_at(entry)
    if ends then call('PEXPIREAT', key, int(ends)) end
  end
elseif word == 'miss' and lease_ms then
  word = 'capped'
end
local tells = word == 'fresh' or word == 'stale'
local reply = {word, tells and entry.v or false, token, tells and entry.ver or '0',
               tells and entry.c and math.max(0, now - entry.c) or 0, -1}
if word == 'stale' then
  reply[6] = 0
elseif tells and entry.s and not entry.pin then
  reply[6] = entry.s - now
end
if ARGV[6] == '1' then reply[7] = tells and entry.tags and cmsgpack.unpack(entry.tags) or {} end
return reply
)lua";

// ARGV from 3: kind (set, absent, touch), value, token, version, TTL, stale, jitter, cost (each
// may be ""), a random number below 2^31, entries of the log, coalesce, tags.
constexpr std::string_view kFillText = R"lua(
local key, kind = KEYS[1], ARGV[3]
local token, version = ARGV[5], ARGV[6] ~= '' and ARGV[6] or nil
local entry = read(key)
local tags, tag_names, seen = {}, {}, {}
for i = 14, #ARGV do
  if not seen[ARGV[i]] then
    seen[ARGV[i]] = true
    tags[#tags + 1], tag_names[#tag_names + 1] = ARGV[i], 't:' .. ARGV[i]
  end
end
local names = names_of(entry)
for _, name in ipairs(tag_names) do names[#names + 1] = name end
local state = state_of(names, key)
if not state then return need(names) end
settle(entry, state)

local full = out_of_memory(key)
if full then return full end
local rules = {}
for rule in (state.rules or '0 0 0 0 0 0 0'):gmatch('%d+') do rules[#rules + 1] = tonumber(rule) end
local ttl, ttl_max, jitter = rules[1], rules[2], tonumber(ARGV[9]) or rules[3]
if kind ~= 'absent' and ARGV[7] == '' and (ARGV[8] ~= '' or ARGV[9] ~= '') and ttl == 0 and
   ttl_max == 0 then
  return redis.error_reply('ERR STALE and JITTER need a TTL')
end
if kind == 'absent' then ttl = rules[4] > 0 and rules[4] or 60000 end
if kind == 'touch' and (not entry.v or entry.plain) then return VOID end

local stamp, id, least = tonumber(state.count), state.id, '0'
if token ~= '' then
  if entry.lt ~= token then return VOID end
  stamp, id, least = entry.ls, entry.li, entry.lm
end
local known = not entry.plain and entry.ver or '0'
local function judge()
  if version then
    if less(version, least) then return OLD end
    if less(version, known) then return OLD end
    local gone = not entry.v and known ~= '0'
    if gone and kind ~= 'absent' and version == known then return OLD end
  end
  if state.space then
    local _, cleared = bumped(state, {'n:' .. state.space}, stamp, id)
    if cleared then return VOID end
  end
  if entry.v and entry.tags then
    local soft, hard = bumped(state, names_of({tags = entry.tags}), stamp, id)
    if soft or hard then return VOID end
  end
  local soft, hard = bumped(state, tag_names, stamp, id)
  return (soft or hard) and VOID or OK
end
local verdict = judge()
if verdict ~= OK then
  if token ~= '' then end_lease(key, entry) end
  return verdict
end

ttl = tonumber(ARGV[7]) or ttl
if ttl_max > 0 then ttl = ttl == 0 and ttl_max or math.min(ttl, ttl_max) end
local fresh = {c = now, ver = version, cost = tonumber(ARGV[10]), st = stamp, i = id,
               sp = state.space}
if #tags > 0 then fresh.tags = cmsgpack.pack(tags) end
if ttl > 0 then
  local spread = math.floor(ttl / 100) * jitter
  if spread > 0 then ttl = ttl - math.floor(tonumber(ARGV[11]) / 2147483648 * spread) end
  fresh.s = now + ttl
  fresh.x = fresh.s + (tonumber(ARGV[8]) or 0)
  if ttl_max > 0 then fresh.x = math.min(fresh.x, now + ttl_max) end
end
if kind == 'absent' then
  fresh.n = '1'
  if less(fresh.ver or '0', known) then fresh.ver = known end
  if not entry.v and known ~= '0' and entry.x then
    fresh.x = math.max(fresh.x, entry.x - TOMBSTONE)
  end
elseif kind == 'touch' then
  fresh.v, fresh.pin, fresh.plog, fresh.since = entry.v, entry.pin, entry.plog, entry.since
  fresh.tags = fresh.tags or entry.tags
  fresh.ver = fresh.ver or entry.ver
  fresh.cost = fresh.cost or entry.cost
else
  fresh.v = ARGV[4]
end
local reply = OK
if KEYS[2] then
  local at, since = append(entry, 'set', ARGV[4], version, tonumber(ARGV[12]), tonumber(ARGV[13]))
  if not at then return since end
  fresh.pin, fresh.plog, fresh.since = at, KEYS[2], since
  reply = at
end
write(key, fresh)
return reply
)lua";

// ARGV from 3: version or "", how long a tombstone stays, entries of the log, coalesce.
constexpr std::string_view kDeleteText = R"lua(
local key, version = KEYS[1], ARGV[3] ~= '' and ARGV[3] or nil
local entry, state, missing = fetch(key, KEYS[2])
if missing then return need(missing) end
if version and not entry.plain and less(version, entry.ver or '0') then return OLD end
if KEYS[2] then
  local at, since = append(entry, 'del', '', version, tonumber(ARGV[5]), tonumber(ARGV[6]))
  if not at then return since end
  write(key, {n = '1', ver = version, c = now, x = now + ARGV[4], st = tonumber(state.count),
              i = state.id, sp = state.space, pin = at, plog = KEYS[2], since = since})
  return at
end
if entry.v or entry.other then entry = {} else overrule_absence(entry) end
if version then entry = {ver = version, c = now, x = now + ARGV[4]} end
write(key, entry)
return OK
)lua";

constexpr std::string_view kStaleText = R"lua(
local marked = 0
for _, key in ipairs(KEYS) do
  local entry, _, missing = fetch(key)
  if missing then return need(missing) end
  if entry.plain then
    call('UNLINK', key)
    marked = marked + 1
  elseif entry.v then
    entry.s, entry.r = 0, nil
    clear(entry, LEASE)
    write(key, entry)
    marked = marked + 1
  elseif not entry.other then
    overrule_absence(entry)
    write(key, entry)
  end
end
return marked
)lua";

constexpr std::string_view kForgetText = R"lua(
local key = KEYS[1]
local entry, _, missing = fetch(key)
if missing then return need(missing) end
if entry.v or entry.other then
  if not entry.plain and not entry.other then end_lease(key, entry) end
  return 0
end
call('UNLINK', key)
return (entry.n or entry.ver) and 1 or 0
)lua";

// ARGV from 3: token, retry or "".
constexpr std::string_view kFailText = R"lua(
local key = KEYS[1]
local entry, _, missing = fetch(key)
if missing then return need(missing) end
if not entry.lt or entry.lt ~= ARGV[3] then return 0 end
if ARGV[4] ~= '' and (entry.v or entry.n) then entry.r = now + ARGV[4] end
end_lease(key, entry)
return 1
)lua";

constexpr std::string_view kInfoText = R"lua(
local key = KEYS[1]
local entry, _, missing = fetch(key)
if missing then return need(missing) end
if entry.other then entry = {plain = true, v = ''} end
local there = entry.v or entry.n or entry.ver
if not there and not entry.lt then return false end
local stale = not entry.pin and ((entry.s and entry.s <= now) or entry.soft)
local word = 'miss'
if entry.v then word = stale and 'stale' or 'fresh'
elseif entry.n then word = stale and 'stale-absent' or 'absent'
elseif entry.ver then word = 'deleted' end
local function left(at) return at and math.max(0, at - now) or -1 end
local ends = left(entry.x)
if entry.plain then ends = call('PTTL', key) end
return {'state', word, 'version', entry.ver or '0', 'age', entry.c and math.max(0, now - entry.c)
        or -1, 'fresh-for', stale and 0 or not entry.pin and left(entry.s) or -1, 'expires-in',
        ends, 'cost', entry.cost or 0, 'tags', entry.tags and cmsgpack.unpack(entry.tags) or {},
        'lease', left(entry.lt and entry.lu), 'pinned', entry.pin or false, 'bytes',
        there and #(entry.v or '') or 0}
)lua";

// ARGV from 3: tags.
constexpr std::string_view kTagAddText = R"lua(
local key = KEYS[1]
local entry, _, missing = fetch(key)
if missing then return need(missing) end
if entry.plain or entry.other then
  return redis.error_reply('ERR on this store only what CACHE.SET has stored can have tags')
end
if not entry.v then return 0 end
local tags, seen, added = entry.tags and cmsgpack.unpack(entry.tags) or {}, {}, 0
for _, tag in ipairs(tags) do seen[tag] = true end
for i = 3, #ARGV do
  if not seen[ARGV[i]] then
    if #tags == 64 then return redis.error_reply('ERR a value has at most 64 tags') end
    seen[ARGV[i]], added, tags[#tags + 1] = true, added + 1, ARGV[i]
  end
end
call('HSET', key, 'tags', cmsgpack.pack(tags))
return added
)lua";

// KEYS: the log, then keys; ARGV from 3: their ids.
constexpr std::string_view kAckText = R"lua(
local log = KEYS[1]
if type(redis.pcall('XLEN', log)) == 'table' then return wrong_type() end
local groups
local count = 0
for i = 2, #KEYS do
  local id, key = ARGV[i + 1], KEYS[i]
  local found, version = call('XRANGE', log, id, id)[1], nil
  if found then
    local words = {}
    for n = 1, #found[2], 2 do words[found[2][n]] = found[2][n + 1] end
    found, version = words.key == key, words.ver or '0'
  end
  if found then
    call('XDEL', log, id)
    groups = groups or call('XINFO', 'GROUPS', log)
    for _, group in ipairs(groups) do
      for n = 1, #group, 2 do
        if group[n] == 'name' then call('XACK', log, group[n + 1], id) end
      end
    end
    count = count + 1
  end
  local entry = read(key)
  if entry.pin and entry.plog == log and entry.pin == id then
    clear(entry, {'pin', 'plog', 'since'})
    if entry.x and entry.x <= now then
      if entry.n then end_absence(entry) else entry = {} end
    end
    write(key, entry)
  elseif found and not entry.pin then
    if entry.v or entry.other then
      local newer = entry.ver and version ~= '0' and not less(entry.ver, version)
      if not newer then call('UNLINK', key) end
    else
      overrule_absence(entry)
      write(key, entry)
    end
  end
end
return count
)lua";

// KEYS: the log, its stretch. ARGV from 3: the last id that counts, or "".
constexpr std::string_view kBarrierText = R"lua(
if call('EXISTS', KEYS[1]) == 0 then return OK end
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then return wrong_type() end
local first = call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return OK end
local last = ARGV[3]
for i = 1, #info, 2 do
  if last == '' and info[i] == 'last-generated-id' then last = info[i + 1] end
end
local ms, seq = last:match('(%d+)-(%d+)')
local stretch = call('GET', KEYS[2])
if stretch then ms, seq = int(tonumber(ms) + stretch), '18446744073709551615' end
local a, b = first[1]:match('(%d+)-(%d+)')
if less(ms, a) or (ms == a and less(seq, b)) then return OK end
return {'WAIT', last}
)lua";

}  // namespace

std::string CacheScript(ScriptId id) {
  std::string text(id == ScriptId::kGet ? kFreshText : "");
  text.append(LookFunction()).append(kEntry);
  switch (id) {
    case ScriptId::kGet:
      return text.append(kGetText);
    case ScriptId::kFill:
      return text.append(kBehind).append(kFillText);
    case ScriptId::kDelete:
      return text.append(kBehind).append(kDeleteText);
    case ScriptId::kStale:
      return text.append(kStaleText);
    case ScriptId::kForget:
      return text.append(kForgetText);
    case ScriptId::kFail:
      return text.append(kFailText);
    case ScriptId::kInfo:
      return text.append(kInfoText);
    case ScriptId::kTagAdd:
      return text.append(kTagAddText);
    case ScriptId::kAck:
      return text.append(kAckText);
    case ScriptId::kBarrier:
      return text.append(kBarrierText);
    default:
      return {};
  }
}

ScriptBook::ScriptBook() {
  for (std::size_t i = 0; i < kScripts; ++i) {
    const auto id = static_cast<ScriptId>(i);
    std::string text;
    if (id >= ScriptId::kLimit) {
      text = CounterScript(id);
    } else if (id == ScriptId::kLook || id == ScriptId::kTagBump || id >= ScriptId::kTagInfo) {
      text = TagScript(id);
    } else {
      text = CacheScript(id);
    }
    scripts_.emplace_back(std::move(text));
  }
}

}  // namespace cairn::foreign
