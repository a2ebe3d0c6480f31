// SPDX-License-Identifier: BSD-3-Clause
// Codecs: values as bytes, by a list of their fields.
//
//   struct User {
//     std::int64_t id = 0;
//     std::string name;
//     std::optional<std::string> mail;
//     static constexpr auto Fields() {
//       return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name),
//                       Field("mail", &User::mail));
//     }
//   };
//   Result<std::string> stored = EncodeValue<MessagePack>(user);
//   Result<User> again = DecodeValue<User, MessagePack>(*stored);
//
// Codable are bool, integers, float, double, enumerations, std::string, std::optional, std::vector,
// maps of std::string, and structs with Fields, of one another. A struct is a map by the names of
// its fields: unknown ones are skipped and missing optional ones are nullopt, so fields may come
// and go as long as the old program need not have them; a missing one that is not optional is an
// error. A change of meaning is a new schema name ("user/2"): what was stored under the old one is
// then of another type, a miss. Of a struct the schema id takes the name only, of anything else the
// type's shape.
//
// A codec of one's own is a class with kId from 128 up, Encode and Decode as concept Codec wants.
//
// Errors: kInvalid from an encoder for what it cannot say (JSON: NaN, text that is not UTF-8),
// kCorrupt from a decoder, and those of the frame (cairn/frame.h). Thread safety: functions of
// their arguments. Lifetimes: names of fields and of schemas are literals, or outlive their use;
// what is decoded owns its bytes. Cost: linear, an allocation a text and a vector; depth is bounded
// by kDepthMax, 64.
#ifndef CAIRN_CODEC_H_
#define CAIRN_CODEC_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/frame.h"
#include "cairn/result.h"

namespace cairn::cache {

template <class Owner, class T>
struct FieldOf {
  std::string_view name;
  T Owner::* member;
};
template <class Owner, class T>
constexpr FieldOf<Owner, T> Field(std::string_view name, T Owner::* member) {
  return {name, member};
}

template <class... Members>
struct FieldList {
  std::string_view schema;
  std::tuple<Members...> members;
};
template <class... Members>
constexpr FieldList<Members...> FieldsOf(std::string_view schema, Members... members) {
  return {schema, {members...}};
}

template <class T>
concept HasFields = requires { T::Fields(); };

namespace internal {

inline constexpr std::size_t kDepthMax = 64;

class MessagePackWriter {
 public:
  void Null() { bytes_ += '\xC0'; }
  void Bool(bool value) { bytes_ += value ? '\xC3' : '\xC2'; }
  void Integer(std::int64_t number);
  void Unsigned(std::uint64_t number);
  void Double(double number);
  void Text(std::string_view text);
  void BeginArray(std::size_t count) { Head(count, 0x90, 15, 0, 0xDC); }
  void EndArray() {}
  void BeginMap(std::size_t count) { Head(count, 0x80, 15, 0, 0xDE); }
  void Key(std::string_view name) { Text(name); }
  void EndMap() {}
  Result<std::string> Finish() { return std::move(bytes_); }

 private:
  void Number(unsigned char type, std::uint64_t number, std::size_t width);
  void Head(std::size_t count, unsigned char fix, std::size_t fix_max, unsigned char type8,
            unsigned char type16);

  std::string bytes_;
};

// Each function takes what comes next if it is of that kind, else the reader has failed, and gives
// nothing from then on.
class MessagePackReader {
 public:
  explicit MessagePackReader(std::string_view bytes) : rest_(bytes) {}
  bool TakeNull();
  std::optional<bool> Bool();
  std::optional<std::int64_t> Integer();
  std::optional<std::uint64_t> Unsigned();
  std::optional<double> Double();
  std::optional<std::string> Text();
  // Then NextElement before each element, until it is false.
  bool BeginArray() { return Begin(0x90, 0xDC); }
  bool NextElement();
  // Then NextKey before each value, until it is nothing.
  bool BeginMap() { return Begin(0x80, 0xDE); }
  std::optional<std::string> NextKey();
  void Skip();
  bool has_failed() const { return has_failed_; }
  // Whether all was read, and nothing more is there.
  Result<void> Finish() const;

 private:
  std::nullopt_t Failed();
  std::optional<unsigned char> TakeByte();
  std::optional<std::uint64_t> TakeNumber(std::size_t width);
  bool TakeBytes(std::uint64_t count);
  bool Begin(unsigned char fix, unsigned char type16);

  std::string_view rest_;
  std::vector<std::uint64_t> left_;  // elements still to come, of each open array and map
  bool has_failed_ = false;
};

class JsonWriter {
 public:
  void Null() { Word("null"); }
  void Bool(bool value) { Word(value ? "true" : "false"); }
  void Integer(std::int64_t number);
  void Unsigned(std::uint64_t number);
  void Double(double number);
  void Text(std::string_view text);
  void BeginArray(std::size_t) { Open('['); }
  void EndArray() { Close(']'); }
  void BeginMap(std::size_t) { Open('{'); }
  void Key(std::string_view name);
  void EndMap() { Close('}'); }
  Result<std::string> Finish();

 private:
  void Separate();
  void Word(std::string_view word);
  void Open(char brace);
  void Close(char brace);

  std::string text_;
  bool needs_comma_ = false;
  std::string_view failure_;
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}
  bool TakeNull();
  std::optional<bool> Bool();
  std::optional<std::int64_t> Integer();
  std::optional<std::uint64_t> Unsigned();
  std::optional<double> Double();
  std::optional<std::string> Text();
  bool BeginArray() { return Begin('['); }
  bool NextElement() { return Next(']'); }
  bool BeginMap() { return Begin('{'); }
  std::optional<std::string> NextKey();
  void Skip();
  bool has_failed() const { return has_failed_; }
  Result<void> Finish();

 private:
  std::nullopt_t Failed();
  void SkipBlanks();
  bool TakeWord(std::string_view word);
  std::string_view TakeNumber();
  bool TakeEscape(std::string& text);
  std::optional<std::uint32_t> TakeHex4();
  bool Begin(char brace);
  bool Next(char brace);

  std::string_view rest_;
  std::vector<bool> is_first_;  // of each open array and map: nothing was read of it yet
  bool has_failed_ = false;
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
concept TextMap =
    requires { typename T::mapped_type; } && std::same_as<typename T::key_type, std::string>;

template <class T>
consteval bool IsCodable() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::string> ||
                HasFields<T>) {
    return true;
  } else if constexpr (IsOptional<T>::value || IsVector<T>::value) {
    return IsCodable<typename T::value_type>();
  } else if constexpr (TextMap<T>) {
    return IsCodable<typename T::mapped_type>();
  } else {
    return false;
  }
}

template <class T, class Writer>
void Write(const T& value, Writer& writer);

template <class T, class Writer>
void WriteFields(const T& value, Writer& writer) {
  std::apply(
      [&](const auto&... fields) {
        writer.BeginMap(sizeof...(fields));
        ((writer.Key(fields.name), Write(value.*fields.member, writer)), ...);
        writer.EndMap();
      },
      T::Fields().members);
}

template <class T, class Writer>
void Write(const T& value, Writer& writer) {
  if constexpr (HasFields<T>) {
    WriteFields(value, writer);
  } else if constexpr (std::same_as<T, bool>) {
    writer.Bool(value);
  } else if constexpr (std::is_enum_v<T>) {
    Write(static_cast<std::underlying_type_t<T>>(value), writer);
  } else if constexpr (std::floating_point<T>) {
    writer.Double(static_cast<double>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    writer.Unsigned(value);
  } else if constexpr (std::integral<T>) {
    writer.Integer(value);
  } else if constexpr (std::same_as<T, std::string>) {
    writer.Text(value);
  } else if constexpr (IsOptional<T>::value) {
    value ? Write(*value, writer) : writer.Null();
  } else if constexpr (IsVector<T>::value) {
    writer.BeginArray(value.size());
    // A vector<bool>'s elements are no bools.
    for (const typename T::value_type& element : value) Write(element, writer);
    writer.EndArray();
  } else {
    writer.BeginMap(value.size());
    for (const auto& [name, element] : value) {
      writer.Key(name);
      Write(element, writer);
    }
    writer.EndMap();
  }
}

template <class T, class Reader>
std::optional<T> Read(Reader& reader);

// False: what comes next is none. An optional is set in place: g++ 12 warns of an optional of one.
template <class M, class Reader>
bool ReadMember(Reader& reader, M& member) {
  if constexpr (IsOptional<M>::value) {
    member.reset();
    return reader.TakeNull() || ReadMember(reader, member.emplace());
  } else {
    std::optional<M> read = Read<M>(reader);
    if (read) member = std::move(*read);
    return read.has_value();
  }
}

enum class FieldRead : std::uint8_t { kUnknown, kFailed, kRead };

// Into the field of that name, if there is one.
template <class T, class Reader, std::size_t kIndex = 0>
FieldRead ReadField(std::string_view name, Reader& reader, T& value, std::vector<bool>& was_read) {
  constexpr auto kMembers = T::Fields().members;
  if constexpr (kIndex == std::tuple_size_v<decltype(kMembers)>) {
    return FieldRead::kUnknown;
  } else {
    constexpr auto kField = std::get<kIndex>(kMembers);
    if (name != kField.name) return ReadField<T, Reader, kIndex + 1>(name, reader, value, was_read);
    was_read[kIndex] = ReadMember(reader, value.*kField.member);
    return was_read[kIndex] ? FieldRead::kRead : FieldRead::kFailed;
  }
}

template <class T, std::size_t... kIndices>
bool IsWhole(const std::vector<bool>& was_read, std::index_sequence<kIndices...>) {
  constexpr auto kMembers = T::Fields().members;
  return ((was_read[kIndices] ||
           IsOptional<std::remove_cvref_t<decltype(std::declval<T>().*
                                                   std::get<kIndices>(kMembers).member)>>::value) &&
          ...);
}

template <class T, class Reader>
std::optional<T> ReadFields(Reader& reader) {
  constexpr std::size_t kCount = std::tuple_size_v<decltype(T::Fields().members)>;
  T value{};
  std::vector<bool> was_read(kCount);
  if (!reader.BeginMap()) return std::nullopt;
  while (const std::optional<std::string> name = reader.NextKey()) {
    const FieldRead read = ReadField(*name, reader, value, was_read);
    if (read == FieldRead::kFailed) return std::nullopt;
    if (read == FieldRead::kUnknown) reader.Skip();
  }
  if (reader.has_failed() || !IsWhole<T>(was_read, std::make_index_sequence<kCount>()))
    return std::nullopt;
  return value;
}

template <class T, class Reader>
std::optional<T> ReadInteger(Reader& reader) {
  using Wide = std::conditional_t<std::unsigned_integral<T>, std::uint64_t, std::int64_t>;
  std::optional<Wide> wide;
  if constexpr (std::unsigned_integral<T>) {
    wide = reader.Unsigned();
  } else {
    wide = reader.Integer();
  }
  if (!wide || *wide < std::numeric_limits<T>::min() || *wide > std::numeric_limits<T>::max())
    return std::nullopt;
  return static_cast<T>(*wide);
}

template <class T, class Reader>
std::optional<T> ReadMap(Reader& reader) {
  T value;
  if (!reader.BeginMap()) return std::nullopt;
  while (std::optional<std::string> name = reader.NextKey()) {
    std::optional<typename T::mapped_type> element = Read<typename T::mapped_type>(reader);
    if (!element) return std::nullopt;
    value.insert_or_assign(std::move(*name), std::move(*element));
  }
  if (reader.has_failed()) return std::nullopt;
  return value;
}

template <class T, class Reader>
std::optional<T> ReadArray(Reader& reader) {
  T value;
  if (!reader.BeginArray()) return std::nullopt;
  while (reader.NextElement()) {
    std::optional<typename T::value_type> element = Read<typename T::value_type>(reader);
    if (!element) return std::nullopt;
    value.push_back(std::move(*element));
  }
  if (reader.has_failed()) return std::nullopt;
  return value;
}

template <class T, class Reader>
std::optional<T> Read(Reader& reader) {
  if constexpr (HasFields<T>) {
    return ReadFields<T>(reader);
  } else if constexpr (std::same_as<T, bool>) {
    return reader.Bool();
  } else if constexpr (std::is_enum_v<T>) {
    const auto number = Read<std::underlying_type_t<T>>(reader);
    return number ? std::optional<T>(static_cast<T>(*number)) : std::nullopt;
  } else if constexpr (std::floating_point<T>) {
    const std::optional<double> number = reader.Double();
    return number ? std::optional<T>(static_cast<T>(*number)) : std::nullopt;
  } else if constexpr (std::integral<T>) {
    return ReadInteger<T>(reader);
  } else if constexpr (std::same_as<T, std::string>) {
    return reader.Text();
  } else if constexpr (IsOptional<T>::value) {
    if (reader.TakeNull()) return T();
    auto inner = Read<typename T::value_type>(reader);
    if (!inner) return std::nullopt;
    return T(std::move(*inner));
  } else if constexpr (IsVector<T>::value) {
    return ReadArray<T>(reader);
  } else {
    return ReadMap<T>(reader);
  }
}

// FNV-1a, 32 bits.
constexpr std::uint32_t HashSchema(std::string_view text, std::uint32_t hash = 2166136261u) {
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619u;
  return hash;
}

template <class T>
consteval std::uint32_t SchemaId() {
  if constexpr (HasFields<T>) {
    return HashSchema(T::Fields().schema, HashSchema("struct "));
  } else if constexpr (std::same_as<T, bool>) {
    return HashSchema("bool");
  } else if constexpr (std::floating_point<T>) {
    return HashSchema("float");
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return HashSchema("integer");
  } else if constexpr (std::same_as<T, std::string>) {
    return HashSchema("text");
  } else if constexpr (IsOptional<T>::value) {
    return HashSchema("optional", SchemaId<typename T::value_type>());
  } else if constexpr (IsVector<T>::value) {
    return HashSchema("array", SchemaId<typename T::value_type>());
  } else {
    return HashSchema("map", SchemaId<typename T::mapped_type>());
  }
}

template <class T, class Writer>
Result<std::string> EncodeBy(const T& value) {
  Writer writer;
  Write(value, writer);
  return writer.Finish();
}

template <class T, class Reader>
Result<T> DecodeBy(std::string_view payload) {
  Reader reader(payload);
  std::optional<T> value = Read<T>(reader);
  if (!value) return Fail(Errc::kCorrupt, "the payload is not of the type that was asked for");
  if (Result<void> end = reader.Finish(); !end) return Pass(std::move(end));
  return std::move(*value);
}

}  // namespace internal

template <class T>
concept Codable = internal::IsCodable<T>();

// The bytes of a std::string, as they are.
struct Raw {
  static constexpr std::uint8_t kId = 1;
  static constexpr std::uint32_t Schema(const std::string*) {
    return internal::HashSchema("bytes");
  }
  static Result<std::string> Encode(const std::string& value) { return value; }
  static Result<std::string> Decode(std::string_view payload, const std::string*) {
    return std::string(payload);
  }
};

struct MessagePack {
  static constexpr std::uint8_t kId = 2;
  template <Codable T>
  static constexpr std::uint32_t Schema(const T*) {
    return internal::SchemaId<T>();
  }
  template <Codable T>
  static Result<std::string> Encode(const T& value) {
    return internal::EncodeBy<T, internal::MessagePackWriter>(value);
  }
  template <Codable T>
  static Result<T> Decode(std::string_view payload, const T*) {
    return internal::DecodeBy<T, internal::MessagePackReader>(payload);
  }
};

struct Json {
  static constexpr std::uint8_t kId = 3;
  template <Codable T>
  static constexpr std::uint32_t Schema(const T*) {
    return internal::SchemaId<T>();
  }
  template <Codable T>
  static Result<std::string> Encode(const T& value) {
    return internal::EncodeBy<T, internal::JsonWriter>(value);
  }
  template <Codable T>
  static Result<T> Decode(std::string_view payload, const T*) {
    return internal::DecodeBy<T, internal::JsonReader>(payload);
  }
};

// The null pointer that Decode and Schema take only names the type.
template <class C, class T>
concept Codec = requires(const T& value, std::string_view payload, const T* type) {
  { C::kId } -> std::convertible_to<std::uint8_t>;
  { C::Schema(type) } -> std::same_as<std::uint32_t>;
  { C::Encode(value) } -> std::same_as<Result<std::string>>;
  { C::Decode(payload, type) } -> std::same_as<Result<T>>;
};

template <class T>
using DefaultCodec = std::conditional_t<std::same_as<T, std::string>, Raw, MessagePack>;

// As it is stored: in a frame.
template <class C, class T>
  requires Codec<C, T>
Result<std::string> EncodeValue(const T& value, const FrameOptions& options = {}) {
  Result<std::string> payload = C::Encode(value);
  if (!payload) return payload;
  return SealFrame({.codec = C::kId, .schema = C::Schema(static_cast<const T*>(nullptr))}, *payload,
                   options);
}

template <class T, class C>
  requires Codec<C, T>
Result<T> DecodeValue(std::string_view stored, std::size_t payload_bytes_max = kPayloadBytesMax) {
  constexpr const T* kType = nullptr;
  Result<OpenedFrame> frame =
      OpenFrame({.codec = C::kId, .schema = C::Schema(kType)}, stored, payload_bytes_max);
  if (!frame) return Pass(std::move(frame));
  return C::Decode(frame->payload(), kType);
}

}  // namespace cairn::cache

#endif  // CAIRN_CODEC_H_
