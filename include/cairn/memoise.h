// SPDX-License-Identifier: BSD-3-Clause
// Memoise: a function whose results are cached by its arguments.
//
//   auto price = Memoise<"price/1", Money(std::string, std::int64_t)>(
//       store, [&](const std::string& product, std::int64_t count) { return PriceOf(product,
//       count); },
//       {.policy = {.ttl = 1min}});
//   Result<Entry<Money>> entry = price("a:b", 2);
//   price.Invalidate("a:b", 2);                      // the same arguments, the same entry
//
// The name is the function's identity, and the user's to give: two functions have two names, and
// one that computes something else has a new one. The key has the name and *all* arguments, each
// with its type and escaped: 1 is not "1", ("a:b", "c") is not ("a", "b:c"), and no is not 0.
// Arguments are converted to the signature's types first, so that two spellings of a call are one.
// What is bound in the function's object is not in the key: it is not to be what the result depends
// on.
//
// Arguments are bool, integers, floating-point numbers, enumerations, std::string, std::optional of
// them, and whatever is Codable (cairn/codec.h). The function gives T, std::optional<T> (nothing:
// known to be absent), or a Result of either, or a coroutine that gives a Result<std::optional<T>>;
// the signature names T. What it throws is kLoader.
//
// Errors: those of TypedCache (cairn/cache.h), which cache() is. Thread safety: its, so the
// function is called from any thread. Lifetimes: its; the function is copied for each call, and
// what it refers to lives on. Cost: a TypedCache's, and a key of all arguments.
#ifndef CAIRN_MEMOISE_H_
#define CAIRN_MEMOISE_H_

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/cache.h"
#include "cairn/codec.h"
#include "cairn/key.h"

namespace cairn::cache {

namespace internal {

// A letter for the type, then the value.
template <class T>
void AppendArgument(const T& argument, std::string& key) {
  if constexpr (std::same_as<T, bool>) {
    key += argument ? "b1" : "b0";
  } else if constexpr (std::floating_point<T>) {
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof(digits), argument).ptr;
    key += 'f';
    AppendKeyText(std::string_view(digits, end), key);
  } else if constexpr (std::same_as<T, std::string>) {
    key += 's';
    AppendKeyText(argument, key);
  } else if constexpr (PlainPart<T> || NamedPart<T>) {
    key += std::is_unsigned_v<T> ? 'u' : std::is_enum_v<T> ? 'e' : 'i';
    AppendKeyPart(argument, key);
  } else {
    // It has words for all that is Codable.
    const Result<std::string> bytes = MessagePack::Encode(argument);
    key += 'm';
    AppendKeyNumber(std::uint64_t{MessagePack::Schema(static_cast<const T*>(nullptr))}, key);
    key += '.';
    AppendKeyText(bytes ? *bytes : std::string(), key);
  }
}
template <class T>
void AppendArgument(const std::optional<T>& argument, std::string& key) {
  key += argument ? 'o' : 'n';
  if (argument) AppendArgument(*argument, key);
}

}  // namespace internal

// The key of one call.
template <internal::FixedText kName, class... Arguments>
class CallKey {
 public:
  static constexpr std::string_view kText = kName.view();
  static_assert(!kText.empty() && kText.find_first_of(":*{}%~") == kText.npos,
                "a name has no bytes that mean something in a key");
  // Beside an argument stand its letter, its schema's number and the separator.
  static_assert(kText.size() + 16 + sizeof...(Arguments) * (internal::kPartBytesWorst + 16) <=
                    kKeyBytesMax,
                "keys of this function could be too long for a lease");

  // Not explicit, as Key's.
  // NOLINTNEXTLINE(google-explicit-constructor)
  CallKey(Arguments... arguments) : arguments_(std::move(arguments)...) {}

  std::string text() const {
    std::string key = Prefix();
    std::apply(
        [&](const Arguments&... each) { ((internal::AppendArgument(each, key), key += ':'), ...); },
        arguments_);
    return key;
  }
  static std::string Prefix() { return "call:" + std::string(kText) + ":"; }
  const std::tuple<Arguments...>& arguments() const { return arguments_; }
  bool operator==(const CallKey&) const = default;

 private:
  std::tuple<Arguments...> arguments_;
};

template <internal::FixedText kName, class Signature, class Function>
class Memoised;

template <internal::FixedText kName, class T, class... Arguments, class Function>
class Memoised<kName, T(Arguments...), Function> {
 public:
  using KeyType = CallKey<kName, std::decay_t<Arguments>...>;
  using Cache = TypedCache<T, KeyType>;

  Memoised(Store store, Function function, CacheOptions options)
      : cache_(std::move(store), std::move(options)), loader_{std::move(function)} {}

  Result<Entry<T>> operator()(std::decay_t<Arguments>... arguments) const {
    return cache_.GetOrLoad(KeyType(std::move(arguments)...), loader_);
  }
  Task<Result<Entry<T>>> Co(std::decay_t<Arguments>... arguments) const {
    return cache_.CoGetOrLoad(KeyType(std::move(arguments)...), loader_);
  }
  Result<Mark> Invalidate(std::decay_t<Arguments>... arguments) const {
    return cache_.Invalidate(KeyType(std::move(arguments)...));
  }
  Task<Result<Mark>> CoInvalidate(std::decay_t<Arguments>... arguments) const {
    return cache_.CoInvalidate(KeyType(std::move(arguments)...));
  }
  const Cache& cache() const { return cache_; }

 private:
  struct Loader {
    using Given = std::invoke_result_t<Function&, const std::decay_t<Arguments>&...>;
    static constexpr bool kIsCoroutine = std::same_as<Given, Task<Result<std::optional<T>>>>;
    using Loaded = std::conditional_t<kIsCoroutine, Given, Result<std::optional<T>>>;
    Function function;
    Loaded operator()(LoadContext<T, KeyType>& context) {
      return std::apply(function, context.key.arguments());
    }
  };

  Cache cache_;
  Loader loader_;
};

template <internal::FixedText kName, class Signature, class Function>
Memoised<kName, Signature, Function> Memoise(Store store, Function function,
                                             CacheOptions options = {}) {
  return {std::move(store), std::move(function), std::move(options)};
}

}  // namespace cairn::cache

#endif  // CAIRN_MEMOISE_H_
