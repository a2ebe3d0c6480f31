// SPDX-License-Identifier: BSD-3-Clause
// What a store says of itself.
#include <string>
#include <vector>

#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

void SaysWhatIsWeaker(const Store& store, Complaints& say) {
  const Capabilities& has = store.capabilities();
  const bool is_ours =
      has.kind == Capabilities::Kind::kEmbedded || has.kind == Capabilities::Kind::kCairn;
  say.Check(has.kind == Capabilities::Kind::kEmbedded || !has.version.empty(), "a version");
  say.Check((has.leases && has.tags && has.limits && has.locks) || !has.weaker.empty(),
            "what is missing is told");
  say.Check(!is_ours || (has.leases && has.versions && has.write_behind), "ours has it all");
}

}  // namespace

Cases StoreCases(const std::vector<std::string>& uris) {
  return {{"SaysWhatIsWeaker",
           [uri = uris[0]](Complaints& say) { SaysWhatIsWeaker(OpenOrDie(uri), say); }}};
}

}  // namespace cairn::cache::checks
