// SPDX-License-Identifier: BSD-3-Clause
// FunctionRef: a callable of the caller's, lent for the time of a call. Two words, no allocation.
//
//   void ForEach(FunctionRef<void(std::string_view)> fn);
//   ForEach([&](std::string_view member) { writer.BulkString(member); });
//
// For parameters only: the callable must outlive it, and a temporary does so until the call ends.
#ifndef CAIRN_BASE_FUNCTION_REF_H_
#define CAIRN_BASE_FUNCTION_REF_H_

#include <memory>
#include <type_traits>
#include <utility>

#include "base/thread_annotations.h"

namespace cairn {

template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class Fn>
    requires(!std::is_same_v<std::remove_cvref_t<Fn>, FunctionRef> &&
             std::is_invocable_r_v<R, Fn&, Args...>)
  FunctionRef(Fn&& fn)  // NOLINT: meant to convert
      : target_(const_cast<void*>(static_cast<const void*>(std::addressof(fn)))),
        // What the callable requires, its caller's caller holds: the analysis does not see through.
        call_([](void* target, Args... args) NO_THREAD_SAFETY_ANALYSIS -> R {
          return (*static_cast<std::remove_reference_t<Fn>*>(target))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(target_, std::forward<Args>(args)...); }

 private:
  void* target_;
  R (*call_)(void* target, Args... args);
};

}  // namespace cairn

#endif  // CAIRN_BASE_FUNCTION_REF_H_
