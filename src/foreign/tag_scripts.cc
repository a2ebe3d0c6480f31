// SPDX-License-Identifier: BSD-3-Clause
// Tags and namespaces: one hash with a count of bumps and the number of each tag's last ones, as
// keyspace/tags.h has them. All numbers of one life stand in one key, so they are lost together:
// the next life has another id, and what carries the id of an old one is out of date.
//
//     cairn:{tags}         id, count, soft and hard (floors), last (hard bump), "t:" tag and
//                          "n:" prefix: "soft hard"
//     cairn:{tags}:spaces  lengths (of prefixes, the longest first), "p:" prefix: seven rules
//
// A namespace's clear is a hard bump of a tag that all fills below its prefix carry. Beyond
// so many fields the hash is begun anew, with what was forgotten as floors: refused too much then,
// never too little.
#include "foreign/scripts.h"

namespace cairn::foreign {
namespace {

constexpr std::string_view kShared = R"lua(
local call = redis.call
local TAGS, SPACES = 'cairn:{tags}', 'cairn:{tags}:spaces'
local MAX = 65536
local function born()
  if call('HEXISTS', TAGS, 'id') == 1 then return end
  call('DEL', TAGS)
  call('HSET', TAGS, 'id', ARGV[2], 'count', 0, 'soft', 0, 'hard', 0, 'last', 0)
end
local function bump(name, kind)
  -- Invalidation needs no room: a script that has written may write on when memory is full.
  call('DEL', TAGS .. ':none')
  local number = call('HINCRBY', TAGS, 'count', 1)
  local soft, hard = (call('HGET', TAGS, name) or '0 0'):match('(%d+) (%d+)')
  if kind == 'soft' then soft = number else hard = number end
  call('HSET', TAGS, name, string.format('%.0f %.0f', soft, hard))
  if kind == 'hard' then call('HSET', TAGS, 'last', number) end
  if call('HLEN', TAGS) <= MAX then return end
  local old = call('HMGET', TAGS, 'id', 'count', 'last')
  call('UNLINK', TAGS)
  call('HSET', TAGS, 'id', old[1], 'count', old[2], 'soft', old[2], 'hard', old[3], 'last', old[3])
end
local function measure()
  local seen, lengths = {}, {}
  for _, name in ipairs(call('HKEYS', SPACES)) do
    local length = #name - 2
    if name:sub(1, 2) == 'p:' and not seen[length] then
      seen[length] = true
      lengths[#lengths + 1] = length
    end
  end
  table.sort(lengths, function(a, b) return a > b end)
  if #lengths == 0 then
    call('DEL', SPACES)
  else
    call('HSET', SPACES, 'lengths', table.concat(lengths, ' '))
  end
end
)lua";

// ARGV from 3: the key whose namespace is asked for, and names.
constexpr std::string_view kLookText = R"lua(
local names = {}
for i = 4, #ARGV do names[#names + 1] = ARGV[i] end
return cmsgpack.pack(look(names, ARGV[3]))
)lua";

// ARGV from 3: soft or hard, tags.
constexpr std::string_view kBumpText = R"lua(
born()
for i = 4, #ARGV do bump('t:' .. ARGV[i], ARGV[3]) end
return #ARGV - 3
)lua";

// ARGV from 3: the tag. How many carry it nobody counts.
constexpr std::string_view kInfoText = R"lua(
local got = call('HMGET', TAGS, 'soft', 'hard', 't:' .. ARGV[3])
local soft, hard = (got[3] or '0 0'):match('(%d+) (%d+)')
return {'values', -1, 'soft-bump', math.max(tonumber(got[1] or 0), tonumber(soft)),
        'hard-bump', math.max(tonumber(got[2] or 0), tonumber(hard))}
)lua";

// ARGV from 3: prefix, rules.
constexpr std::string_view kSpaceSetText = R"lua(
local name = 'p:' .. ARGV[3]
if call('HEXISTS', SPACES, name) == 0 and call('HLEN', SPACES) > 256 then
  return redis.error_reply('ERR there are 256 namespaces already')
end
born()
call('HSET', SPACES, name, ARGV[4])
measure()
return redis.status_reply('OK')
)lua";

constexpr std::string_view kSpaceDeleteText = R"lua(
local gone = call('HDEL', SPACES, 'p:' .. ARGV[3])
if gone == 1 then measure() end
return gone
)lua";

constexpr std::string_view kSpaceClearText = R"lua(
if call('HEXISTS', SPACES, 'p:' .. ARGV[3]) == 0 then
  return redis.error_reply('ERR no such namespace')
end
born()
bump('n:' .. ARGV[3], 'hard')
return redis.status_reply('OK')
)lua";

constexpr std::string_view kSpaceListText = R"lua(
local prefixes = {}
for _, name in ipairs(call('HKEYS', SPACES)) do
  if name:sub(1, 2) == 'p:' then prefixes[#prefixes + 1] = name:sub(3) end
end
return prefixes
)lua";

constexpr std::string_view kSpaceInfoText = R"lua(
return call('HGET', SPACES, 'p:' .. ARGV[3])
)lua";

}  // namespace

std::string_view LookFunction() {
  return R"lua(
-- What is known of these names, and of the key's namespace.
local function look(names, key)
  local fields = {'id', 'count', 'soft', 'hard'}
  for i, name in ipairs(names) do fields[i + 4] = name end
  local got = redis.call('HMGET', 'cairn:{tags}', unpack(fields))
  if not got[1] then
    redis.call('DEL', 'cairn:{tags}')
    redis.call('HSET', 'cairn:{tags}', 'id', ARGV[2], 'count', 0, 'soft', 0, 'hard', 0, 'last', 0)
    got = {ARGV[2], '0', '0', '0'}
  end
  local state = {id = got[1], count = got[2], soft = got[3], hard = got[4], bumps = {}}
  for i, name in ipairs(names) do state.bumps[name] = got[i + 4] or '0 0' end
  local lengths = redis.call('HGET', 'cairn:{tags}:spaces', 'lengths')
  if not lengths then return state end
  for length in lengths:gmatch('%d+') do
    local prefix = key:sub(1, tonumber(length))
    local rules = #prefix == tonumber(length) and
                  redis.call('HGET', 'cairn:{tags}:spaces', 'p:' .. prefix)
    if rules then
      state.space, state.rules = prefix, rules
      local name = 'n:' .. prefix
      state.bumps[name] = redis.call('HGET', 'cairn:{tags}', name) or '0 0'
      break
    end
  end
  return state
end
)lua";
}

std::string TagScript(ScriptId id) {
  std::string text = "if redis.replicate_commands then redis.replicate_commands() end\n";
  if (id == ScriptId::kLook) return text.append(LookFunction()).append(kLookText);
  text += kShared;
  switch (id) {
    case ScriptId::kTagBump:
      return text.append(kBumpText);
    case ScriptId::kTagInfo:
      return text.append(kInfoText);
    case ScriptId::kSpaceSet:
      return text.append(kSpaceSetText);
    case ScriptId::kSpaceDelete:
      return text.append(kSpaceDeleteText);
    case ScriptId::kSpaceClear:
      return text.append(kSpaceClearText);
    case ScriptId::kSpaceList:
      return text.append(kSpaceListText);
    case ScriptId::kSpaceInfo:
      return text.append(kSpaceInfoText);
    default:
      return {};
  }
}

}  // namespace cairn::foreign
