// SPDX-License-Identifier: BSD-3-Clause
// The keys of a batch that the sampler takes, and what is done with them.
#include <algorithm>
#include <cstdint>

#include "command/runner.h"

namespace cairn::command {

// Before the batch runs: its keys are at hand, and whether they are there is not yet its own doing.
// A run of reads has keys only.
void Runner::SampleKeys(const Session& session) {
  const bool is_replay = !session.viewer().sees_expiry;  // nobody asks, a file tells
  const std::span calls = std::span(prepared_).first(prepared_count_);
  for (std::int64_t at = 0; (at = key_sampler_.Next(keys_.size())) >= 0;) {
    if (is_replay) continue;
    const auto position = static_cast<std::uint32_t>(at);
    const auto call = std::ranges::find_if(calls, [&](const Prepared& prepared) {
      return position - prepared.first_key < prepared.key_count;
    });
    KeySampler::Sample sample{.key = keys_[position], .db = session.db(), .use = KeyUse::kRead};
    if (call != calls.end() && (call->command->flags & kWrite) != 0) {
      std::size_t bytes = 0;
      for (const std::string_view arg : call->args.subspan(1)) bytes += arg.size();
      sample.use = KeyUse::kWrite;
      sample.written_bytes = bytes / call->key_count;
    }
    key_sampler_.Take(sample, now_ms_);
  }
}

}  // namespace cairn::command
