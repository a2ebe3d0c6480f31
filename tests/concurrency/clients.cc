// SPDX-License-Identifier: BSD-3-Clause
// All connections are made before the first thread starts, so that the load begins everywhere at
// once. The first complaint is kept and stops all threads: what follows it is mostly its echo.
#include "concurrency/clients.h"

#include <memory>
#include <utility>

#include "base/thread.h"
#include "support/notation.h"

namespace cairn::concurrency {

using testing::Reply;

Reply Client::Do(const std::vector<std::string>& args) {
  Result<Reply> reply = Call(channel, args);
  if (reply) return std::move(*reply);
  all.Complain(args.front() + ": " + std::string(reply.error().message()));
  return {};
}

Clients::Clients(const Setting& setting)
    : setting_(setting),
      deadline_(std::chrono::steady_clock::now() +
                std::chrono::milliseconds(setting.milliseconds)) {}

void Clients::Run(int count, const std::function<void(Client&)>& body) {
  std::vector<std::unique_ptr<testing::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    Result<std::unique_ptr<testing::Channel>> channel = testing::ConnectTcp(setting_.port);
    if (!channel) return Complain("connect: " + std::string(channel.error().message()));
    channels.push_back(std::move(*channel));
  }
  std::vector<Thread> threads;
  for (int i = 0; i < count; ++i) {
    testing::Channel& channel = *channels[static_cast<std::size_t>(i)];
    threads.emplace_back("client-" + std::to_string(i), [this, i, &channel, &body] {
      Client client{.all = *this,
                    .channel = channel,
                    .index = i,
                    .random = Random(setting_.seed * 1000 + static_cast<std::uint64_t>(i))};
      body(client);
    });
  }
  for (Thread& thread : threads) thread.Join();
}

bool Clients::GoOn() const {
  return !stopped_.load(std::memory_order_relaxed) && std::chrono::steady_clock::now() < deadline_;
}

void Clients::Complain(const std::string& fault) {
  stopped_.store(true, std::memory_order_relaxed);
  MutexLock hold(mu_);
  if (fault_.empty()) fault_ = fault;
}

std::string Clients::fault() const {
  MutexLock hold(mu_);
  return fault_;
}

}  // namespace cairn::concurrency
