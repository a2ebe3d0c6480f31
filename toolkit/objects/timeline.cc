// SPDX-License-Identifier: BSD-3-Clause
// Feeds: a script each, by digest in pipelines; where a server does not know it, once by its text.
#include "cairn/timeline.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace cairn::cache {
namespace {

// KEYS feed, ARGV score id length_max keep_ms
const Script& PushScript() {
  static const Script script(R"(
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
return redis.call('PEXPIRE', KEYS[1], ARGV[4]))");
  return script;
}

// KEYS feed, ARGV count, then score and id of the post behind which the page begins.
const Script& PageScript() {
  static const Script script(R"(
local count = tonumber(ARGV[1])
if not ARGV[2] then return redis.call('ZREVRANGE', KEYS[1], 0, count - 1, 'WITHSCORES') end
local page = {}
local equal = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2], 'WITHSCORES')
for i = 1, #equal, 2 do
  if #page < 2 * count and equal[i] < ARGV[3] then
    page[#page + 1] = equal[i]
    page[#page + 1] = equal[i + 1]
  end
end
local left = count - #page / 2
if left == 0 then return page end
local older = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '-inf', 'WITHSCORES',
                         'LIMIT', 0, left)
for _, word in ipairs(older) do page[#page + 1] = word end
return page)");
  return script;
}

std::string ScoreText(double score) { return std::string(Command("x", score)[1]); }

Result<void> FirstError(Replies replies) {
  for (Result<Reply>& reply : replies) {
    if (!reply) {
      // Other feeds may have been written.
      reply.error().may_have_applied = true;
      return Pass(std::move(reply));
    }
  }
  return {};
}

Result<TimelinePage> ReadPage(Result<Reply> reply, std::size_t count) {
  if (!reply) return Pass(std::move(reply));
  TimelinePage page;
  const auto words = reply->elements();
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const Result<double> score = words[i + 1].AsDouble();
    if (!score) return std::unexpected(score.error());
    page.posts.push_back({.id = std::string(words[i].text()), .score = *score});
  }
  if (page.posts.size() == count && count > 0) page.next = page.posts.back();
  return page;
}

}  // namespace

Timeline::Timeline(Store store, TimelineOptions options)
    : store_(std::move(store)), options_(std::move(options)) {}

std::string Timeline::Key(std::string_view user) const {
  return options_.prefix + ":" + std::string(user);
}

// What the server would refuse is not to be found out by a script that has begun.
Result<void> Timeline::Check(const Post& post) const {
  if (options_.length_max == 0 || options_.length_max > kLengthMax)
    return Fail(Errc::kInvalid, "a feed has 1 to 1,000,000 posts");
  if (options_.keep < Millis(1) || options_.keep > kKeepMax)
    return Fail(Errc::kInvalid, "a feed is kept for 1 ms to 100 years");
  if (std::isnan(post.score)) return Fail(Errc::kInvalid, "a score is a number");
  return {};
}

Result<void> Timeline::Push(Post post, std::vector<std::string> users) const {
  return SyncWait(CoPush(std::move(post), std::move(users)));
}
Task<Result<void>> Timeline::CoPush(Post post, std::vector<std::string> users) const {
  if (Result<void> valid = Check(post); !valid) co_return valid;
  const Script& script = PushScript();
  const auto write = [&](std::string_view name, std::string_view body, std::string_view user) {
    return Command(name, body, 1, Key(user), post.score, post.id, options_.length_max,
                   options_.keep.count());
  };
  const CallOptions call{.idempotence = Idempotence::kYes};
  for (std::size_t first = 0; first < users.size(); first += kBatch) {
    const auto batch = std::span(users).subspan(first, std::min(kBatch, users.size() - first));
    std::vector<Command> commands;
    for (const std::string& user : batch)
      commands.push_back(write("EVALSHA", script.digest(), user));
    Replies replies = co_await store_.client().CoPipeline(std::move(commands), call);
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (replies[i] || replies[i].error().server_code() != "NOSCRIPT") continue;
      Command again = write("EVAL", script.source(), batch[i]);
      replies[i] = co_await store_.client().CoCall(std::move(again), call);
    }
    if (Result<void> done = FirstError(std::move(replies)); !done) co_return done;
  }
  co_return Result<void>();
}

Result<void> Timeline::Remove(std::string id, std::vector<std::string> users) const {
  return SyncWait(CoRemove(std::move(id), std::move(users)));
}
Task<Result<void>> Timeline::CoRemove(std::string id, std::vector<std::string> users) const {
  const CallOptions call{.idempotence = Idempotence::kYes};
  for (std::size_t first = 0; first < users.size(); first += kBatch) {
    std::vector<Command> commands;
    for (const std::string& user :
         std::span(users).subspan(first, std::min(kBatch, users.size() - first)))
      commands.emplace_back("ZREM", Key(user), id);
    Replies replies = co_await store_.client().CoPipeline(std::move(commands), call);
    if (Result<void> done = FirstError(std::move(replies)); !done) co_return done;
  }
  co_return Result<void>();
}

Result<TimelinePage> Timeline::Page(std::string_view user, std::size_t count,
                                    std::optional<Post> after) const {
  return SyncWait(CoPage(std::string(user), count, std::move(after)));
}
Task<Result<TimelinePage>> Timeline::CoPage(std::string user, std::size_t count,
                                            std::optional<Post> after) const {
  count = std::min(count, kPageMax);
  if (count == 0) co_return TimelinePage();
  std::vector<std::string> keys(1, Key(user));
  std::vector<std::string> arguments(1, std::to_string(count));
  if (after) {
    arguments.push_back(ScoreText(after->score));
    arguments.push_back(after->id);
  }
  co_return ReadPage(
      co_await store_.client().CoEval(PageScript(), std::move(keys), std::move(arguments)), count);
}

}  // namespace cairn::cache
