// SPDX-License-Identifier: BSD-3-Clause
// Timeline: a feed a user, of the newest posts of those he follows, written when they post.
//
//   const Timeline feeds(store, {.prefix = "feed", .length_max = 800});
//   feeds.Push({.id = "post:17", .score = 1767225600000}, followers);   // ids of users
//   TimelinePage page = feeds.Page("ada", 20).value();
//   page = feeds.Page("ada", 20, *page.next).value();                   // older ones
//
// Each feed is a sorted set of its own, in a slot of its own. A post is put into a feed, the feed
// cut to length_max and its end set in one step; feeds are written in pipelines of kBatch. A push
// that fails half-way says so and may be repeated: a post is in a feed once. Pages go by the last
// post's score and id, not by its number, so that new posts shift nothing: none is shown twice,
// none left out, also if posts of one score are torn apart by a page, or the last one was removed.
//
// Errors: kInvalid of options and scores that can be none, those of the store. Thread safety: any
// thread. Lifetimes: holds the store. Cost: O(log n) a follower. A user with millions of followers
// is better read from than pushed for.
#ifndef CAIRN_TIMELINE_H_
#define CAIRN_TIMELINE_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct TimelineOptions {
  // What the keys begin with; ":" and the user follow.
  std::string prefix = {};
  std::size_t length_max = 800;  // 1 to Timeline::kLengthMax
  // A feed that nothing was put into for so long goes. 1 ms to kKeepMax.
  Millis keep{std::chrono::hours(24 * 30)};
};

struct Post {
  std::string id = {};
  // The newer, the higher: Unix milliseconds, or a number that grows.
  double score = 0;
  bool operator==(const Post&) const = default;
};

struct TimelinePage {
  std::vector<Post> posts = {};  // the newest first
  // Where the next page begins; nothing: this was the last.
  std::optional<Post> next = {};
};

class Timeline {
 public:
  static constexpr std::size_t kBatch = 500;            // feeds written by one pipeline
  static constexpr std::size_t kPageMax = 1'000;        // posts; a longer page is as long
  static constexpr std::size_t kLengthMax = 1'000'000;  // posts of a feed
  static constexpr Millis kKeepMax = 100 * kWaitMax;

  Timeline(Store store, TimelineOptions options);

  Result<void> Push(Post post, std::vector<std::string> users) const;
  Task<Result<void>> CoPush(Post post, std::vector<std::string> users) const;
  // Takes the post out of the feeds.
  Result<void> Remove(std::string id, std::vector<std::string> users) const;
  Task<Result<void>> CoRemove(std::string id, std::vector<std::string> users) const;
  // What is older than `after`; nothing: the newest.
  Result<TimelinePage> Page(std::string_view user, std::size_t count,
                            std::optional<Post> after = {}) const;
  Task<Result<TimelinePage>> CoPage(std::string user, std::size_t count,
                                    std::optional<Post> after = {}) const;

 private:
  std::string Key(std::string_view user) const;
  Result<void> Check(const Post& post) const;

  Store store_;
  TimelineOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TIMELINE_H_
