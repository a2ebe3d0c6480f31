// SPDX-License-Identifier: BSD-3-Clause
// Stores that cannot be opened, and what is said of it. The arguments are pairs: a URI, and what
// the error has to say.
#include <string>
#include <vector>

#include "client/client_check.h"

namespace cairn::cache::checks {

Cases RefusalCases(const std::vector<std::string>& uris) {
  const auto run = [uris](Complaints& say) {
    for (std::size_t i = 0; i + 1 < uris.size(); i += 2) {
      const Result<Store> store = Store::Open(uris[i]);
      const std::string told = store ? "it opened" : store.error().detail;
      say.Check(told.find(uris[i + 1]) != told.npos,
                uris[i] + ": '" + told + "' rather than '" + uris[i + 1] + "'");
    }
  };
  return {{"Refusals", run}};
}

}  // namespace cairn::cache::checks
