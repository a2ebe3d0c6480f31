// SPDX-License-Identifier: BSD-3-Clause
// What scripts need of the server: where libraries are kept, what slow means, where redis.log goes.
#include "server/server.h"

namespace cairn::server {

void Server::WireScripts() {
  scripting::Scripts& scripts = engine_.scripts();
  scripts.UseShelf(persistence_.libraries());
  const auto apply = [this, &scripts](const Config&) {
    scripts.set_slow_after_ms(config_.Int("busy-reply-threshold"));
    return Status();
  };
  (void)apply(config_);
  config_.OnChange("busy-reply-threshold", apply);
  scripts.SetOnLog([this](int level, std::string_view message) {
    switch (level) {
      case 0:
        return log_.Debug(message);
      case 1:
        return log_.Verbose(message);
      case 2:
        return log_.Notice(message);
      default:
        return log_.Warning(message);
    }
  });
}

}  // namespace cairn::server
