// SPDX-License-Identifier: BSD-3-Clause
// Key: a schema of keys, checked by the compiler, and one key of it.
//
//   using ProfileKey = Key<"user:{*}:profile", UserId>;
//   ProfileKey(UserId{42}).text();              // "user:{42}:profile"
//   ProfileKey::Prefix();                       // "user:{", for a namespace
//   ProfileKey::Glob();                         // "user:{*", for a purge: its signs are escaped
//   ProfileKey::FromText("user:{42}:profile");  // the key again; ProfileKey(1, 2) does not compile
//
// Each '*' of the pattern is one part. Letters, digits, '_', '-', '.', '@' and bytes from 0x80 up
// stand for themselves in a part, every other byte is "%" and two hexadecimal digits, so no part
// can forge a separator, a brace or a sign of a glob: ("a:b", "c") and ("a", "b:c") differ. Text
// that reads as a number has its first byte written so ("%31"), which keeps 1 and "1" apart where
// two schemas share a pattern; empty text is a single "%". What would take more than kPartBytesMax
// is its first bytes, to be read by people, '~', and 160 bits of its SHA-256.
//
//   key     = literal *( part literal )
//   part    = 1*( plain / "%" 2HEX ) / "%" / *( plain / "%" 2HEX ) "~" 40HEX
//
// Invariants, most of them static_asserts
//   (1) A pattern has as many '*' as the schema has types, and begins with a literal.
//   (2) A '*' is followed by the pattern's end or by a byte that no part holds.
//   (3) There is at most one pair of braces, not empty: it is the hash tag, and nothing else is.
//   (4) No key is longer than kKeyBytesMax, beyond which the server grants no lease.
//
// A part is an integer, an enumeration, std::string, or a type with a function
// `KeyPartOf(const Id&)` beside it that gives one of those (what it gives may be a string_view).
//
// Errors: none but the compiler's; FromText gives nothing for what is no key of the schema. Thread
// safety: values. Lifetimes: a Key owns its parts. Cost: text() allocates once or twice; a digest
// some 300 ns.
#ifndef CAIRN_KEY_H_
#define CAIRN_KEY_H_

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace cairn::cache {

// What a part may take in the key before it becomes a digest.
inline constexpr std::size_t kPartBytesMax = 96;
inline constexpr std::size_t kKeyBytesMax = 1024;

namespace internal {

// How much of a digested part is shown: at most three bytes each, with '~' and the digest still
// little more than kPartBytesMax.
inline constexpr std::size_t kDigestShownBytes = 24;
inline constexpr std::size_t kPartBytesWorst =
    std::max<std::size_t>(kPartBytesMax, kDigestShownBytes * 3 + 1 + 40);

template <std::size_t N>
struct FixedText {
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is to be a template's argument
  consteval FixedText(const char (&text)[N]) { std::copy_n(text, N, bytes); }
  constexpr std::string_view view() const { return {bytes, N - 1}; }

  char bytes[N] = {};
};

constexpr bool IsPlainKeyByte(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_' || byte == '-' || byte == '.' || byte == '@' ||
         code >= 0x80;
}

constexpr bool ArePartsSeparated(std::string_view pattern) {
  for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '*') continue;
    const char next = pattern[i + 1];
    if (IsPlainKeyByte(next) || next == '%' || next == '~' || next == '*') return false;
  }
  return true;
}

constexpr bool AreBracesPaired(std::string_view pattern) {
  if (std::ranges::count(pattern, '{') == 0 && std::ranges::count(pattern, '}') == 0) return true;
  const std::size_t open = pattern.find('{');
  const std::size_t close = pattern.find('}');
  return std::ranges::count(pattern, '{') == 1 && std::ranges::count(pattern, '}') == 1 &&
         open + 1 < close;
}

void AppendKeyText(std::string_view part, std::string& key);
void AppendKeyNumber(std::int64_t part, std::string& key);
void AppendKeyNumber(std::uint64_t part, std::string& key);
// What AppendKeyText or AppendKeyNumber made this of, perhaps: what is none of theirs, or a digest,
// may give anything.
std::optional<std::string> TextOfKeyPart(std::string_view text);
template <std::integral T>
std::optional<T> NumberOfKeyPart(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}
// With the signs of a glob escaped, and '*' behind it.
std::string GlobOfPrefix(std::string_view prefix);

template <class T>
concept PlainPart = (std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>) ||
                    std::is_enum_v<T> || std::same_as<T, std::string>;

template <class T>
concept NamedPart = requires(const T& id) { KeyPartOf(id); };

// The part that is written so, perhaps.
template <class T>
std::optional<T> PartOfKey(std::string_view text) {
  if constexpr (NamedPart<T>) {
    using Plain = std::remove_cvref_t<decltype(KeyPartOf(std::declval<const T&>()))>;
    using Owned =
        std::conditional_t<std::convertible_to<Plain, std::string_view>, std::string, Plain>;
    static_assert(std::constructible_from<T, Owned>,
                  "a part that is read back is made of what KeyPartOf gives");
    std::optional<Owned> plain = PartOfKey<Owned>(text);
    if (!plain) return std::nullopt;
    return T(std::move(*plain));
  } else if constexpr (std::same_as<T, std::string>) {
    return TextOfKeyPart(text);
  } else if constexpr (std::is_enum_v<T>) {
    const auto number = NumberOfKeyPart<std::underlying_type_t<T>>(text);
    if (!number) return std::nullopt;
    return static_cast<T>(*number);
  } else {
    return NumberOfKeyPart<T>(text);
  }
}

template <class T>
void AppendKeyPart(const T& part, std::string& key) {
  if constexpr (NamedPart<T>) {
    AppendKeyPart(KeyPartOf(part), key);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    AppendKeyText(part, key);
  } else if constexpr (std::is_enum_v<T>) {
    AppendKeyPart(static_cast<std::underlying_type_t<T>>(part), key);
  } else if constexpr (std::is_unsigned_v<T>) {
    AppendKeyNumber(static_cast<std::uint64_t>(part), key);
  } else {
    AppendKeyNumber(static_cast<std::int64_t>(part), key);
  }
}

}  // namespace internal

// What a part of a key may be. It is owned, so no string_view and no pointer.
template <class T>
concept KeyPart = internal::PlainPart<T> || internal::NamedPart<T>;

template <internal::FixedText kPattern, KeyPart... Parts>
class Key {
 public:
  static constexpr std::string_view kText = kPattern.view();
  static_assert(static_cast<std::size_t>(std::ranges::count(kText, '*')) == sizeof...(Parts),
                "a pattern has one '*' for each type of the schema");
  static_assert(!kText.empty() && kText[0] != '*', "a pattern begins with a literal");
  static_assert(internal::ArePartsSeparated(kText),
                "behind a '*' stands a byte that no part holds, such as ':', or nothing");
  static_assert(internal::AreBracesPaired(kText), "a pattern has one pair of braces, or none");
  static_assert(kText.size() + sizeof...(Parts) * internal::kPartBytesWorst <= kKeyBytesMax,
                "keys of this schema could be too long for a lease");

  // Not explicit, so that a cache can be asked by what the key is made of: users.Get(UserId{42}).
  // NOLINTNEXTLINE(google-explicit-constructor)
  Key(Parts... parts) : parts_(std::move(parts)...) {}

  std::string text() const {
    return std::apply([](const Parts&... parts) { return TextUpTo(kText.size(), parts...); },
                      parts_);
  }
  // The key of which that is the text; nothing if there is none, or only a digest of a part is
  // left.
  static std::optional<Key> FromText(std::string_view text) {
    std::optional<Key> key = ReadParts(text, std::make_index_sequence<sizeof...(Parts)>());
    // Whatever a part was taken for: it is this key if it is written so.
    if (key && key->text() != text) return std::nullopt;
    return key;
  }
  // The i-th part, as it was given.
  template <std::size_t kIndex>
  const auto& part() const {
    return std::get<kIndex>(parts_);
  }

  // What all keys with these first parts begin with: all up to the next '*'. Without parts, what
  // all keys of the schema do.
  template <class... First>
    requires(sizeof...(First) <= sizeof...(Parts))
  static std::string Prefix(const First&... first) {
    static_assert(AreFirst<First...>(std::make_index_sequence<sizeof...(First)>()),
                  "the first parts have the types of the schema");
    return TextUpTo(Place(sizeof...(First)), first...);
  }
  // The same for SCAN and CACHE.PURGE.
  template <class... First>
  static std::string Glob(const First&... first) {
    return internal::GlobOfPrefix(Prefix(first...));
  }

  bool operator==(const Key&) const = default;

 private:
  template <std::size_t... kIndices>
  static std::optional<Key> ReadParts(std::string_view text, std::index_sequence<kIndices...>) {
    // Braces: in the order of the parts.
    std::tuple<std::optional<Parts>...> parts{ReadPart<kIndices>(text)...};
    if (!(std::get<kIndices>(parts) && ...)) return std::nullopt;
    return Key(std::move(*std::get<kIndices>(parts))...);
  }
  // Takes the literal before the part, and the part, up to a byte that none holds.
  template <std::size_t kIndex>
  static auto ReadPart(std::string_view& text) {
    using Part = std::tuple_element_t<kIndex, std::tuple<Parts...>>;
    constexpr std::size_t kBegin = kIndex == 0 ? 0 : Place(kIndex - 1) + 1;
    text.remove_prefix(std::min(text.size(), Place(kIndex) - kBegin));
    const auto end = std::ranges::find_if_not(text, [](char byte) {
      return internal::IsPlainKeyByte(byte) || byte == '%' || byte == '~';
    });
    const std::string_view part = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(part.size());
    return internal::PartOfKey<Part>(part);
  }
  // Where the n-th '*' (from 0) stands; the pattern's end if there are not so many.
  static constexpr std::size_t Place(std::size_t n) {
    std::size_t at = kText.find('*');
    for (; n > 0 && at != kText.npos; --n) at = kText.find('*', at + 1);
    return std::min(at, kText.size());
  }
  template <class... First, std::size_t... kIndices>
  static consteval bool AreFirst(std::index_sequence<kIndices...>) {
    return (
        std::convertible_to<const First&, std::tuple_element_t<kIndices, std::tuple<Parts...>>> &&
        ...);
  }
  template <class... First>
  static std::string TextUpTo(std::size_t end, const First&... first) {
    std::string key;
    key.reserve(end + sizeof...(First) * 12);
    [[maybe_unused]] std::size_t begin = 0;
    [[maybe_unused]] const auto append = [&](const auto& part) {
      const std::size_t place = kText.find('*', begin);
      key += kText.substr(begin, place - begin);
      internal::AppendKeyPart(part, key);
      begin = place + 1;
    };
    AppendAll(append, std::make_index_sequence<sizeof...(First)>(), first...);
    key += kText.substr(begin, end - begin);
    return key;
  }
  // As the schema's types, so that 42 for a strong id is written as that one is.
  template <class Append, std::size_t... kIndices, class... First>
  static void AppendAll(const Append& append, std::index_sequence<kIndices...>,
                        const First&... first) {
    (append(static_cast<const std::tuple_element_t<kIndices, std::tuple<Parts...>>&>(first)), ...);
  }

  std::tuple<Parts...> parts_;
};

// What decides on the slot of a key in a cluster: what is between its braces, or all of it. A view
// into `key`.
std::string_view HashTag(std::string_view key);

}  // namespace cairn::cache

#endif  // CAIRN_KEY_H_
