// SPDX-License-Identifier: BSD-3-Clause
// The scripts of a work queue, with what they share in front of each.
//
// A place is "score pushed_ms": the score is (kPriorityMax - priority) * 2^49 + sequence, exact in
// a double. A holder's token is kept when its time is over, until the next reservation, so that a
// late Ack of a job that nobody else has begun is still good.
#include "objects/work_queue_scripts.h"

#include <string>

namespace cairn::cache::internal {
namespace {

constexpr const char* kShared = R"(
local ready, delayed, reserved, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local payloads, places, deliveries, holders = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local errors, sequence, bell = KEYS[9], KEYS[10], KEYS[11]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local function ring()
  if redis.call('LLEN', bell) < 8 then redis.call('RPUSH', bell, '1') end
end
local function make_ready(id)
  local place = redis.call('HGET', places, id)
  if place then redis.call('ZADD', ready, string.match(place, '^%S+'), id) end
end
local function bury(id, why)
  redis.call('ZADD', dead, text(now), id)
  redis.call('HSET', errors, id, why)
  redis.call('HDEL', holders, id)
end
local function is_held(id, token) return redis.call('HGET', holders, id) == token end
)";

Script Make(const char* body) { return Script(std::string(kShared) + body); }

}  // namespace

const Script& PushScript() {
  static const Script script = Make(R"(
local id = ARGV[2]
if id ~= '' and redis.call('HEXISTS', payloads, id) == 1 then return {id, 0} end
if redis.call('HLEN', payloads) >= tonumber(ARGV[5]) then return -1 end
local number = redis.call('INCR', sequence)
if id == '' then id = '#' .. text(number) end
local score = text((15 - tonumber(ARGV[4])) * 562949953421312 + number)
redis.call('HSET', payloads, id, ARGV[1])
redis.call('HSET', places, id, score .. ' ' .. text(now))
local delay = tonumber(ARGV[3])
if delay > 0 then
  redis.call('ZADD', delayed, text(now + delay), id)
else
  redis.call('ZADD', ready, score, id)
end
ring()
return {id, 1})");
  return script;
}

const Script& ReserveScript() {
  static const Script script = Make(R"(
local limit = tonumber(ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', reserved, '-inf', text(now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', reserved, id)
  if tonumber(redis.call('HGET', deliveries, id) or '0') >= limit then
    bury(id, 'not answered in its time')
  else
    make_ready(id)
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', text(now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', delayed, id)
  make_ready(id)
end
local first = redis.call('ZRANGE', ready, 0, 0)[1]
if not first then
  local next_ms = -1
  for _, key in ipairs({delayed, reserved}) do
    local due = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if due then
      local left = math.max(tonumber(due) - now, 1)
      if next_ms < 0 or left < next_ms then next_ms = left end
    end
  end
  return next_ms
end
redis.call('ZREM', ready, first)
redis.call('ZADD', reserved, text(now + tonumber(ARGV[1])), first)
local token = redis.call('INCR', sequence)
redis.call('HSET', holders, first, text(token))
local delivery = redis.call('HINCRBY', deliveries, first, 1)
return {first, redis.call('HGET', payloads, first) or '', delivery, token})");
  return script;
}

const Script& AckScript() {
  static const Script script = Make(R"(
local id = ARGV[1]
if not is_held(id, ARGV[2]) then return 0 end
redis.call('ZREM', reserved, id)
redis.call('ZREM', ready, id)
redis.call('HDEL', payloads, id)
redis.call('HDEL', places, id)
redis.call('HDEL', deliveries, id)
redis.call('HDEL', holders, id)
return 1)");
  return script;
}

const Script& NackScript() {
  static const Script script = Make(R"(
local id = ARGV[1]
if not is_held(id, ARGV[2]) then return 0 end
redis.call('ZREM', reserved, id)
redis.call('ZREM', ready, id)
redis.call('HDEL', holders, id)
local delay = tonumber(ARGV[3])
if tonumber(redis.call('HGET', deliveries, id) or '0') >= tonumber(ARGV[4]) then
  bury(id, ARGV[5])
elseif delay > 0 then
  redis.call('ZADD', delayed, text(now + delay), id)
else
  make_ready(id)
end
ring()
return 1)");
  return script;
}

const Script& ExtendScript() {
  static const Script script = Make(R"(
local id = ARGV[1]
if not is_held(id, ARGV[2]) then return 0 end
redis.call('ZREM', ready, id)
redis.call('ZADD', reserved, text(now + tonumber(ARGV[3])), id)
return 1)");
  return script;
}

const Script& SizesScript() {
  static const Script script = Make(R"(
local lag = 0
local first = redis.call('ZRANGE', ready, 0, 0)[1]
local place = first and redis.call('HGET', places, first)
if place then lag = math.max(now - tonumber(string.match(place, '%S+$')), 0) end
return {redis.call('ZCARD', ready), redis.call('ZCARD', delayed), redis.call('ZCARD', reserved),
        redis.call('ZCARD', dead), lag})");
  return script;
}

const Script& DeadScript() {
  static const Script script = Make(R"(
local rows = {}
for _, id in ipairs(redis.call('ZRANGE', dead, 0, tonumber(ARGV[1]) - 1)) do
  rows[#rows + 1] = id
  rows[#rows + 1] = redis.call('HGET', payloads, id) or ''
  rows[#rows + 1] = redis.call('HGET', errors, id) or ''
end
return rows)");
  return script;
}

const Script& RedriveScript() {
  static const Script script = Make(R"(
local ids = redis.call('ZRANGE', dead, 0, tonumber(ARGV[1]) - 1)
for _, id in ipairs(ids) do
  redis.call('ZREM', dead, id)
  redis.call('HDEL', errors, id)
  redis.call('HDEL', deliveries, id)
  make_ready(id)
end
if #ids > 0 then ring() end
return #ids)");
  return script;
}

}  // namespace cairn::cache::internal
