// SPDX-License-Identifier: BSD-3-Clause
// Notifier: keyspace events as messages, on __keyspace@<db>__:<key> and __keyevent@<db>__:<event>.
//
// Runs under the stripe lock of the event's key, so that events are published in the order of the
// changes; all it does there is post to inboxes, as PUBLISH does.
//
// Thread safety: any thread.
#ifndef CAIRN_SERVER_NOTIFIER_H_
#define CAIRN_SERVER_NOTIFIER_H_

#include "keyspace/events.h"
#include "pubsub/exchange.h"

namespace cairn::server {

class Notifier final : public keyspace::EventSink {
 public:
  explicit Notifier(pubsub::Exchange& exchange) : exchange_(exchange) {}
  void OnEvent(keyspace::EventClass forms, std::string_view event, DbId db,
               std::string_view key) override;

 private:
  pubsub::Exchange& exchange_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_NOTIFIER_H_
