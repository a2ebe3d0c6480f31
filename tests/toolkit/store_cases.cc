// SPDX-License-Identifier: BSD-3-Clause
// What a store says of itself.
#include <atomic>
#include <memory>
#include <string>
#include <utility>
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

// A pipeline that waits stands in nobody's way: who serves it goes by the same handle.
void PipelineOfItsOwn(const Store& store, Complaints& say) {
  // Embedded it runs on the thread of who starts it.
  if (store.capabilities().kind == Capabilities::Kind::kEmbedded) return;
  struct Answer {
    Replies replies;
    std::atomic<bool> has_come{false};
  };
  const auto answer = std::make_shared<Answer>();
  store.client().StartPipeline(
      {Command("SET", "{store}:own", "1"), Command("BLPOP", "{store}:bell", 60)},
      {.waits = Waits::kYes}, [answer](Replies come) {
        answer->replies = std::move(come);
        answer->has_come = true;
      });
  say.Check(store.client().Call(Command("RPUSH", "{store}:bell", "x")).has_value(), "pushed");
  say.Check(Eventually([&] { return answer->has_come.load(); }), "and served");
  if (!answer->has_come) return;
  say.Check(answer->replies.size() == 2 && answer->replies[0] && answer->replies[1], "both");
  say.Check(answer->replies[1]->elements().size() == 2, "by what was pushed");
}

}  // namespace

Cases StoreCases(const std::vector<std::string>& uris) {
  return {{"SaysWhatIsWeaker",
           [uri = uris[0]](Complaints& say) { SaysWhatIsWeaker(OpenOrDie(uri), say); }},
          {"PipelineOfItsOwn",
           [uri = uris[0]](Complaints& say) { PipelineOfItsOwn(OpenOrDie(uri), say); }}};
}

}  // namespace cairn::cache::checks
