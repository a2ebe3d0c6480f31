// SPDX-License-Identifier: BSD-3-Clause
// Lists, as there are few.
#include "client/channel_pool.h"

#include <algorithm>
#include <utility>

namespace cairn::client {

std::shared_ptr<Channel> ChannelPool::Borrow(const DialPlan& plan) {
  // Those that were lost while nobody used them.
  std::erase_if(idle_, [](const Idle& idle) { return idle.channel->is_closed(); });
  const auto found = std::ranges::find(idle_, plan.endpoint, &Idle::wanted);
  if (found != idle_.end()) {
    borrowed_.push_back(std::move(*found));
    idle_.erase(found);
    return borrowed_.back().channel;
  }
  if (is_closed_ || borrowed_.size() == kChannelsMax) return nullptr;
  auto channel = std::make_shared<Channel>(reactor_, plan, Channel::Life::kOnce,
                                           Channel::Hooks{.takes_over = takes_over_});
  borrowed_.push_back({plan.endpoint, channel});
  return channel;
}

void ChannelPool::GiveBack(const std::shared_ptr<Channel>& channel, bool is_clean) {
  const auto found = std::ranges::find(borrowed_, channel, &Idle::channel);
  if (found == borrowed_.end()) return;  // all were closed meanwhile
  Idle given = std::move(*found);
  borrowed_.erase(found);
  const bool is_fit = is_clean && channel->is_up() && channel->is_unused();
  if (is_fit && idle_.size() < kIdleMax) {
    idle_.push_back(std::move(given));
  } else {
    channel->Close({.code = cache::Errc::kClosed, .detail = "given back"});
  }
}

void ChannelPool::Close(const cache::Error& error) {
  is_closed_ = true;
  for (const Idle& idle : std::exchange(idle_, {})) idle.channel->Close(error);
  for (const Idle& borrowed : std::exchange(borrowed_, {})) borrowed.channel->Close(error);
}

}  // namespace cairn::client
