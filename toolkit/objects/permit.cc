// SPDX-License-Identifier: BSD-3-Clause
// The handle of what is held.
#include "objects/permit_body.h"

namespace cairn::cache {

Permit::Permit(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Permit::Permit(Permit&&) noexcept = default;
Permit& Permit::operator=(Permit&&) noexcept = default;
Permit::~Permit() = default;

bool Permit::is_held() const { return body_ != nullptr && body_->keeper->is_held(); }

std::stop_token Permit::lost() const {
  return body_ == nullptr ? internal::StoppedToken() : body_->keeper->lost();
}

Task<Result<bool>> Permit::CoRelease() {
  const std::unique_ptr<Body> body = std::move(body_);
  if (body == nullptr) co_return false;
  const bool was_held = body->keeper->End();
  body->is_given_back = true;
  Result<bool> answer = co_await internal::Answered(body->give_back);
  // Once more, without waiting: it is not to stay with us for its ttl.
  if (!answer) body->give_back([](const Result<bool>&) {});
  if (!answer) co_return answer;
  co_return *answer&& was_held;
}

Result<bool> Permit::Release() { return SyncWait(CoRelease()); }

}  // namespace cairn::cache
