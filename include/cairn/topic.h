// SPDX-License-Identifier: BSD-3-Clause
// Topic: messages of one type, to whoever listens at the moment.
//
//   const Topic<PriceChange> prices(store, "prices");
//   auto heard = prices.Subscribe([](const PriceChange& change) { ... },
//                                 {.on_gap = [&] { users.Clear(); }});
//   prices.Publish({.product = 7, .cents = 1'99});
//
// AT MOST once: who does not listen when a message is sent never gets it, and while a connection is
// lost messages are too. The subscription is made anew by itself, and on_gap is called when some
// may have been missed: read the state anew then. What must not be missed belongs into a stream
// (cairn/consumer_group.h). What cannot be decoded is told to on_undecodable, and dropped.
//
// Errors: the codec's, those of the store; kUnsupported where a store has no subscriptions. What a
// handler throws, or on_gap or on_undecodable does, is told to on_thrown, and the next message
// comes all the same; what on_thrown throws is dropped. Thread safety: any thread; handlers are
// called one at a time on a thread of the client's. Lifetimes: messages come as long as the
// Subscription lives, whose destruction waits for a handler that runs; a handler's message is good
// during the call. A Topic holds the store, which outlives its subscriptions. Cost: one command a
// message, O(subscribers) at the server; a connection for each subscription; each message a
// decoding.
#ifndef CAIRN_TOPIC_H_
#define CAIRN_TOPIC_H_

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "cairn/client.h"
#include "cairn/codec.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct TopicOptions {
  std::function<void()> on_gap = {};
  std::function<void(const Error&)> on_undecodable = {};
  // kLoader, with the exception as its cause.
  std::function<void(const Error&)> on_thrown = {};
};

template <class T, class C = DefaultCodec<T>>
  requires Codec<C, T>
class Topic {
 public:
  Topic(Store store, std::string channel)
      : store_(std::move(store)), channel_(std::move(channel)) {}

  // To how many subscribers; in a cluster, those of the node that was asked.
  Result<std::int64_t> Publish(const T& message) const { return SyncWait(CoPublish(message)); }
  Task<Result<std::int64_t>> CoPublish(T message) const {
    Result<std::string> bytes = EncodeValue<C>(message);
    if (!bytes) co_return Pass(std::move(bytes));
    const Command publish("PUBLISH", channel_, *bytes);
    Result<Reply> reply = co_await store_.client().CoCall(publish);
    if (!reply) co_return Pass(std::move(reply));
    co_return reply->AsInteger();
  }

  Result<std::unique_ptr<Subscription>> Subscribe(std::function<void(const T&)> handler,
                                                  TopicOptions options = {}) const {
    SubscriptionOptions wanted;
    if (options.on_gap) {
      wanted.on_gap = [on_gap = std::move(options.on_gap), on_thrown = options.on_thrown] {
        Guarded(on_gap, on_thrown);
      };
    }
    wanted.channels.push_back(channel_);
    return store_.client().Subscribe(
        std::move(wanted), [handler = std::move(handler), on_thrown = std::move(options.on_thrown),
                            failed = std::move(options.on_undecodable)](const Message& message) {
          const auto hear = [&] {
            const Result<T> value = DecodeValue<T, C>(message.payload);
            if (value) {
              handler(*value);
            } else if (failed) {
              failed(value.error());
            }
          };
          Guarded(hear, on_thrown);
        });
  }

 private:
  // The thread is the client's, and others' messages come on it: nothing is thrown there.
  template <class F>
  static void Guarded(const F& run, const std::function<void(const Error&)>& on_thrown) {
    try {
      run();
      return;
    } catch (...) {
      if (!on_thrown) return;
      try {
        on_thrown({.code = Errc::kLoader,
                   .detail = "the handler of a topic threw",
                   .cause = std::current_exception()});
      } catch (...) {  // NOLINT(bugprone-empty-catch): nobody is left to be told
      }
    }
  }

  Store store_;
  std::string channel_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TOPIC_H_
