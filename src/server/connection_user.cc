// SPDX-License-Identifier: BSD-3-Clause
// As whom a connection runs commands, and what it hears of changes of that user's rights.
#include <utility>

#include "acl/users.h"
#include "server/access_control.h"
#include "server/client_subscriptions.h"
#include "server/connection.h"
#include "server/server.h"

namespace cairn::server {

// ClientInfo says so from the beginning.
void Connection::BeginAsDefaultUser() {
  set_user(server().access().users().default_user());
  set_authenticated(!server().RequiresPassword());
}

void Connection::BecomeUser(std::shared_ptr<command::User> user) {
  server().clients().With(id(), [&](ClientInfo& info) { info.texts.user = user->name(); });
  set_user(std::move(user));
  set_authenticated(true);
}

void Connection::TakeNews(const RightsNews& news, ClientId caller) {
  const RightsNews::OfUser* mine = news.Find(user().get());
  if (mine == nullptr) return;
  RefreshRights();
  const bool hears_too_much = mine->channels_left && subscriptions_ != nullptr &&
                              !subscriptions_->AreAllowed(*mine->channels_left);
  if (!mine->is_deleted && !hears_too_much) return;
  id() == caller ? CloseAfterReplies() : CloseNow();
}

}  // namespace cairn::server
