// SPDX-License-Identifier: BSD-3-Clause
// Handing out, and the order of steps that makes subscribing exact: first the exchange, then what
// was posted before, then the list here.
#include "pubsub/desk.h"

#include <utility>

#include "base/check.h"

namespace cairn::pubsub {

std::vector<std::string_view> Subscriber::Names(Kind kind) const {
  std::vector<std::string_view> names;
  names.reserve(count(kind));
  for (const auto& [topic, place] : topics_[static_cast<std::size_t>(kind)]) {
    names.push_back(topic->name.name);
  }
  return names;
}

bool Desk::Subscribe(Subscriber& subscriber, Kind kind, std::string_view name) {
  const HashedName hashed{name, exchange_.Hash(name)};
  const Topic* known = topics(kind).Find(hashed);
  if (known != nullptr && subscriber.topics(kind).contains(const_cast<Topic*>(known))) return false;
  DrainTo(exchange_.Join(kind, name, worker_));
  const auto [own_name, value] = topics(kind).At(hashed);
  Topic& topic = *value;
  topic.name = own_name;
  subscriber.topics(kind).emplace(&topic, static_cast<std::uint32_t>(topic.subscribers.size()));
  topic.subscribers.push_back(&subscriber);
  return true;
}

bool Desk::Unsubscribe(Subscriber& subscriber, Kind kind, std::string_view name) {
  Topic* topic = topics(kind).Find({name, exchange_.Hash(name)});
  if (topic == nullptr || !subscriber.topics(kind).contains(topic)) return false;
  DrainTo(exchange_.Leave(kind, name, worker_));
  Remove(subscriber, kind, *topic);
  return true;
}

void Desk::Leave(Subscriber& subscriber) {
  for (const Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShard}) {
    while (!subscriber.topics(kind).empty()) {
      Topic* topic = subscriber.topics(kind).begin()->first;
      exchange_.Leave(kind, topic->name.name, worker_);
      Remove(subscriber, kind, *topic);
    }
  }
}

void Desk::Remove(Subscriber& subscriber, Kind kind, Topic& topic) {
  const auto entry = subscriber.topics(kind).find(&topic);
  const std::uint32_t place = entry->second;
  subscriber.topics(kind).erase(entry);
  DCHECK(topic.subscribers[place] == &subscriber);
  if (&topic == partial_) {
    topic.subscribers[place] = nullptr;
    partial_has_gaps_ = true;
    return;
  }
  Subscriber* last = topic.subscribers.back();
  topic.subscribers.pop_back();
  if (last != &subscriber) {
    topic.subscribers[place] = last;
    last->topics(kind).find(&topic)->second = place;
  }
  if (topic.subscribers.empty()) topics(kind).Erase(topic.name);
}

void Desk::DrainTo(std::uint64_t position_end) {
  while (position() < position_end) {
    if (next_ == taken_.size()) Refill();
    if (next_ < taken_.size()) HandOut(SIZE_MAX);
  }
}

bool Desk::Drain(std::size_t deliveries_max) {
  std::size_t done = 0;
  while (done < deliveries_max) {
    if (next_ == taken_.size()) {
      if (!pending()) return true;
      Refill();
      continue;
    }
    // A message that nobody wants any more costs a lookup, and counts as well.
    done += 1 + HandOut(deliveries_max - done);
  }
  return !pending();
}

Desk::~Desk() {
  std::vector<Delivery> dropped;
  exchange_.inbox(worker_).Take(dropped);
}

void Desk::Refill() {
  DCHECK(next_ == taken_.size());
  taken_.clear();
  if (taken_.capacity() > kTakenKept) std::vector<Delivery>().swap(taken_);
  next_ = 0;
  const Inbox::Taken taken = exchange_.inbox(worker_).Take(taken_);
  taken_end_ = taken.end;
  if (!taken.overflowed) return;
  // Nobody knows any more whose messages they were.
  if (direct_ != nullptr) direct_->OnDirectLost();
  for (NameMap<Topic>& map : topics_) {
    map.ForEach([](std::string_view, Topic& topic) {
      for (Subscriber* subscriber : topic.subscribers) {
        if (subscriber != nullptr) subscriber->OnLost();
      }
    });
  }
}

std::size_t Desk::HandOut(std::size_t copies_max) {
  const Delivery& delivery = taken_[next_];
  if (delivery.is_direct()) {
    // Out of the list first: what takes it may look at the desk.
    const Delivery direct = std::move(taken_[next_++]);
    if (direct_ != nullptr) direct_->OnDirect(direct);
    return 1;
  }
  if (partial_ == nullptr) {
    partial_ = topics(delivery.kind).Find({delivery.name(), delivery.hash});
    partial_next_ = 0;
  }
  std::size_t copies = 0;
  if (partial_ != nullptr) {
    const std::string_view header = delivery.header();
    const std::vector<Subscriber*>& subscribers = partial_->subscribers;
    for (; partial_next_ < subscribers.size() && copies < copies_max; ++partial_next_, ++copies) {
      if (Subscriber* subscriber = subscribers[partial_next_]; subscriber != nullptr)
        subscriber->Deliver(header, delivery.tail);
    }
    if (partial_next_ < subscribers.size()) return copies;
  }
  FinishDelivery();
  return copies;
}

void Desk::FinishDelivery() {
  Topic* topic = std::exchange(partial_, nullptr);
  Delivery& delivery = taken_[next_++];
  if (std::exchange(partial_has_gaps_, false)) {
    CloseGaps(*topic, delivery.kind);
    if (topic->subscribers.empty()) topics(delivery.kind).Erase({delivery.name(), delivery.hash});
  }
  delivery = Delivery();  // the bytes go at once, not with the rest of the burst
}

void Desk::CloseGaps(Topic& topic, Kind kind) {
  std::vector<Subscriber*>& subscribers = topic.subscribers;
  std::size_t kept = 0;
  for (Subscriber* subscriber : subscribers) {
    if (subscriber == nullptr) continue;
    subscriber->topics(kind).find(&topic)->second = static_cast<std::uint32_t>(kept);
    subscribers[kept++] = subscriber;
  }
  subscribers.resize(kept);
}

}  // namespace cairn::pubsub
