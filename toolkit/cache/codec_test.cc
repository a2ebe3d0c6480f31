// SPDX-License-Identifier: BSD-3-Clause
// Codecs and frames. Round trips over random values; every truncation and every changed byte of a
// frame, other schemas and newer versions are errors as values. The bytes in the tables are those
// of the specifications of MessagePack and JSON.
#include "cairn/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace cairn::cache {
namespace {

enum class Colour : std::uint8_t { kRed = 3 };

struct Address {
  std::string street;
  std::optional<std::int32_t> number;
  bool operator==(const Address&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("address/1", Field("street", &Address::street),
                    Field("number", &Address::number));
  }
};

struct User {
  std::int64_t id = 0;
  std::string name;
  bool is_active = false;
  double score = 0;
  std::uint64_t big = 0;
  Colour colour = Colour::kRed;
  std::optional<std::string> mail;
  std::vector<Address> addresses;
  std::map<std::string, std::vector<std::int16_t>> marks;
  bool operator==(const User&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name),
                    Field("active", &User::is_active), Field("score", &User::score),
                    Field("big", &User::big), Field("colour", &User::colour),
                    Field("mail", &User::mail), Field("addresses", &User::addresses),
                    Field("marks", &User::marks));
  }
};

// The successor of Address: a field more, one less.
struct Place {
  std::string street;
  std::optional<std::string> city;
  static constexpr auto Fields() {
    return FieldsOf("address/1", Field("street", &Place::street), Field("city", &Place::city));
  }
};

struct Sparse {
  std::optional<std::int32_t> number;
  static constexpr auto Fields() { return FieldsOf("sparse/1", Field("number", &Sparse::number)); }
};

// Splitmix64, from a seed that the trace prints.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  // Of any magnitude.
  std::uint64_t Wide() { return Next() >> (Next() % 64); }
  std::string Text() {
    static constexpr std::string_view kPieces[] = {
        "a", "\"", "\\", "\n", "ö", "€", "😀", "x", {"\0", 1}, "\x1f", "\x7f", "long text of it"};
    std::string text;
    for (std::uint64_t i = Wide() % 300; i > 0; i = i / 2) text += kPieces[Next() % 12];
    return text;
  }

 private:
  std::uint64_t state_;
};

User RandomUser(Numbers& numbers) {
  User user{.id = static_cast<std::int64_t>(numbers.Wide() ^ (numbers.Next() % 2 - 1)),
            .name = numbers.Text(),
            .is_active = numbers.Next() % 2 == 0,
            .score = std::ldexp(static_cast<double>(numbers.Next()), -40),
            .big = numbers.Wide(),
            .colour = static_cast<Colour>(numbers.Next() % 256),
            .mail = std::nullopt,
            .addresses = {},
            .marks = {}};
  if (numbers.Next() % 2 == 0) user.mail = numbers.Text();
  for (std::uint64_t i = numbers.Next() % 40; i > 0; --i) {
    Address address{.street = numbers.Text(), .number = std::nullopt};
    if (i % 2 == 0) address.number = static_cast<std::int32_t>(numbers.Wide());
    user.addresses.push_back(address);
    user.marks[numbers.Text()].push_back(static_cast<std::int16_t>(numbers.Wide()));
  }
  return user;
}

template <class C>
class CodecTest : public testing::Test {};
using Codecs = testing::Types<MessagePack, Json>;
TYPED_TEST_SUITE(CodecTest, Codecs);

TYPED_TEST(CodecTest, RandomValuesComeBack) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Numbers numbers(seed);
    const User user = RandomUser(numbers);
    const FrameOptions options{.compress_above = 100,
                               .compression = static_cast<Compression>(seed % 3)};
    const std::string stored = EncodeValue<TypeParam>(user, options).value();
    EXPECT_EQ((DecodeValue<User, TypeParam>(stored).value()), user);
  }
}

template <class C, class T>
void ExpectSame(const T& value) {
  EXPECT_EQ((DecodeValue<T, C>(EncodeValue<C>(value).value()).value()), value);
}

TYPED_TEST(CodecTest, Limits) {
  ExpectSame<TypeParam>(INT64_MIN);
  ExpectSame<TypeParam>(INT64_MAX);
  ExpectSame<TypeParam>(UINT64_MAX);
  ExpectSame<TypeParam>(std::int8_t{-128});
  ExpectSame<TypeParam>(5e-324);
  ExpectSame<TypeParam>(-1.7976931348623157e308);
  ExpectSame<TypeParam>(std::vector<bool>{true, false});
  ExpectSame<TypeParam>(std::vector<std::int64_t>(70'000, 3));
  ExpectSame<TypeParam>(std::string(70'000, 'x'));
  ExpectSame<TypeParam>(std::map<std::string, bool>{});
  for (std::int64_t i = -70'000; i < 70'000; i += 61) ExpectSame<TypeParam>(i);
}

// What the guides lose by `if val:`.
TYPED_TEST(CodecTest, EmptyValuesAreValues) {
  ExpectSame<TypeParam>(0);
  ExpectSame<TypeParam>(false);
  ExpectSame<TypeParam>(std::string());
  ExpectSame<TypeParam>(std::vector<std::string>());
  ExpectSame<TypeParam>(std::optional<std::string>());
}

TYPED_TEST(CodecTest, FieldsMayComeAndGo) {
  const std::string stored = EncodeValue<TypeParam>(Address{"Main", 7}).value();
  const Place place = DecodeValue<Place, TypeParam>(stored).value();
  EXPECT_EQ(place.street, "Main");
  EXPECT_FALSE(place.city);
  // But what is not optional has to be there.
  const std::string payload = TypeParam::Encode(std::map<std::string, std::string>{}).value();
  const auto missing = TypeParam::Decode(payload, static_cast<const Place*>(nullptr));
  EXPECT_EQ(missing.error().code, Errc::kCorrupt);
}

TYPED_TEST(CodecTest, NumbersOutOfRangeAreErrors) {
  const std::string payload = TypeParam::Encode(std::int64_t{300}).value();
  EXPECT_FALSE(TypeParam::Decode(payload, static_cast<const std::uint8_t*>(nullptr)));
  const std::string negative = TypeParam::Encode(std::int64_t{-1}).value();
  EXPECT_FALSE(TypeParam::Decode(negative, static_cast<const std::uint64_t*>(nullptr)));
  const std::string large = TypeParam::Encode(UINT64_MAX).value();
  EXPECT_FALSE(TypeParam::Decode(large, static_cast<const std::int64_t*>(nullptr)));
}

// Also of an optional field, which would pass for one that is missing.
TYPED_TEST(CodecTest, OptionalFieldsOutOfRangeAreErrors) {
  const std::string payload =
      TypeParam::Encode(std::map<std::string, std::int64_t>{{"number", 1ll << 40}}).value();
  EXPECT_FALSE(TypeParam::Decode(payload, static_cast<const Sparse*>(nullptr)));
}

TYPED_TEST(CodecTest, PayloadsCutShortAreErrors) {
  Numbers numbers(7);
  const std::string payload = TypeParam::Encode(RandomUser(numbers)).value();
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(TypeParam::Decode(std::string_view(payload).substr(0, size),
                                   static_cast<const User*>(nullptr)))
        << size;
  }
  EXPECT_FALSE(TypeParam::Decode(payload + "0", static_cast<const User*>(nullptr)));
}

TEST(MessagePack, Bytes) {
  EXPECT_EQ(MessagePack::Encode(Address{"M", std::nullopt}).value(),
            "\x82\xA6street\xA1M\xA6number\xC0");
  EXPECT_EQ(MessagePack::Encode(-33).value(), "\xD0\xDF");
  EXPECT_EQ(MessagePack::Encode(128).value(), "\xCC\x80");
  EXPECT_EQ(MessagePack::Encode(65536).value(), std::string("\xCE\0\1\0\0", 5));
  EXPECT_EQ(MessagePack::Encode(1.5).value(), std::string("\xCB\x3F\xF8\0\0\0\0\0\0", 9));
  EXPECT_EQ(MessagePack::Encode(std::string(32, 'x')).value(), "\xD9\x20" + std::string(32, 'x'));
}

template <class C, class T>
Result<T> Decoded(std::string_view payload) {
  return C::Decode(payload, static_cast<const T*>(nullptr));
}

TEST(MessagePack, FormsThatOthersWrite) {
  EXPECT_EQ((Decoded<MessagePack, double>(std::string_view("\xCA\x3F\xC0\0\0", 5)).value()), 1.5);
  EXPECT_EQ((Decoded<MessagePack, double>("\x07").value()), 7);
  EXPECT_EQ((Decoded<MessagePack, std::uint8_t>("\xD1\x00\x07").has_value()), false);
  EXPECT_EQ((Decoded<MessagePack, std::uint8_t>(std::string_view("\xD1\0\7", 3)).value()), 7);
  EXPECT_EQ((Decoded<MessagePack, std::string>("\xC4\x01z").value()), "z");
  // Unknown fields of every kind are skipped: extensions, floats, nested maps.
  const std::string_view odd(
      "\x86\xA1"
      "a\xD4\1\2\xA1"
      "b\xCA\0\0\0\0\xA1"
      "c\x81\xA1x\x91\xC0\xA1"
      "d\xC7\2\5zz\xA6street\xA1M\xA1"
      "e\xCF\0\0\0\0\0\0\0\0",
      47);
  EXPECT_EQ((Decoded<MessagePack, Address>(odd).value().street), "M");
}

// A declared length is not believed: nothing is reserved for it.
TEST(MessagePack, HugeLengthsAreErrors) {
  EXPECT_FALSE((Decoded<MessagePack, std::vector<int>>("\xDD\xFF\xFF\xFF\xFF\x01")));
  EXPECT_FALSE((Decoded<MessagePack, std::string>("\xDB\xFF\xFF\xFF\xFF")));
  EXPECT_FALSE((Decoded<MessagePack, Address>("\xDF\xFF\xFF\xFF\xFF\xA1x\xDD\xFF\xFF\xFF\xFF")));
}

TEST(Json, Texts) {
  EXPECT_EQ(Json::Encode(Address{"a\"\n", 7}).value(), R"({"street":"a\"\u000a","number":7})");
  EXPECT_EQ(Json::Encode(std::vector<double>{0.1, 1e300}).value(), "[0.1,1e+300]");
  EXPECT_EQ(
      (Decoded<Json, Address>(R"( { "x" : [1,{"y":[]},null,"\\"] , "street":"\u00f6\ud83d\ude00"}
      )")
           .value()
           .street),
      "ö😀");
}

TEST(Json, WhatIsNoneIsAnError) {
  for (const std::string_view text :
       {"", "[1,]", "[,1]", "[1 2]", "[01]", "[1.]", "[.5]", "[+1]", "[1]x", "[1", "{}", "[1e]"}) {
    EXPECT_FALSE((Decoded<Json, std::vector<double>>(text))) << text;
  }
  for (const std::string_view text :
       {"\"a", "\"\n\"", R"("\x")", R"("\ud800")", R"("\udc00")", R"("\u12")", "\"\xFF\"",
        "\"\xC0\x80\"", "\"\xED\xA0\x80\""}) {
    EXPECT_FALSE((Decoded<Json, std::string>(text))) << text;
  }
  const std::string deep(100'000, '[');
  EXPECT_FALSE((Decoded<Json, Address>("{\"x\":" + deep)));
  EXPECT_EQ(Json::Encode(std::string("\xFF")).error().code, Errc::kInvalid);
  EXPECT_EQ(Json::Encode(NAN).error().code, Errc::kInvalid);
}

TEST(Frame, AnyBytesComeBackRaw) {
  const std::string bytes(
      "\0\xFF\x8C"
      "cv\1",
      6);
  EXPECT_EQ((DecodeValue<std::string, Raw>(EncodeValue<Raw>(bytes).value()).value()), bytes);
}

TEST(Frame, LayoutIsAsDocumented) {
  const std::string frame = SealFrame({.codec = 2, .schema = 0x04030201}, "xy").value();
  EXPECT_EQ(frame.size(), kFrameHeaderBytes + 2);
  EXPECT_EQ(frame.substr(0, 10), std::string("\x8C"
                                             "cv\1\2\0\1\2\3\4",
                                             10));
  EXPECT_EQ(frame.substr(18), "xy");
}

TEST(Frame, TruncationsAndFlippedBitsAreErrors) {
  for (const Compression compression :
       {Compression::kNone, Compression::kZstd, Compression::kLz4}) {
    const FrameOptions options{.compress_above = 10, .compression = compression};
    std::string frame = SealFrame({.codec = 1, .schema = 5}, std::string(60, 'x'), options).value();
    for (std::size_t size = 0; size < frame.size(); ++size)
      EXPECT_FALSE(OpenFrame({.codec = 1, .schema = 5}, frame.substr(0, size))) << size;
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ 1 << (bit % 8));
      EXPECT_FALSE(OpenFrame({.codec = 1, .schema = 5}, frame)) << bit;
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ 1 << (bit % 8));
    }
    EXPECT_EQ(OpenFrame({.codec = 1, .schema = 5}, frame)->payload(), std::string(60, 'x'));
  }
}

TEST(Frame, ForeignBytesOtherSchemasAndNewerVersionsAreTold) {
  const std::string frame = SealFrame({.codec = 1, .schema = 5}, "x").value();
  const auto code = [](FrameType type, const std::string& bytes) {
    return OpenFrame(type, bytes).error().code;
  };
  EXPECT_EQ(code({.codec = 2, .schema = 5}, frame), Errc::kType);
  EXPECT_EQ(code({.codec = 1, .schema = 6}, frame), Errc::kType);
  EXPECT_EQ(code({.codec = 1, .schema = 5}, R"({"id": 42, "name": "ada"})"), Errc::kCorrupt);
  EXPECT_EQ(code({.codec = 1, .schema = 5}, ""), Errc::kCorrupt);
  std::string newer = frame;
  newer[3] = 2;
  EXPECT_EQ(code({.codec = 1, .schema = 5}, newer), Errc::kUnsupported);
  EXPECT_EQ((DecodeValue<bool, MessagePack>(*EncodeValue<MessagePack>(1)).error().code),
            Errc::kType);
}

// The guide keeps "k" and "k:gz", and a value that shrank is shadowed by its old twin.
TEST(Frame, CompressionIsOfTheValueNotOfTheKey) {
  for (const Compression compression : {Compression::kZstd, Compression::kLz4}) {
    ASSERT_TRUE(HasCompression(compression));
    const FrameOptions options{.compress_above = 100, .compression = compression};
    const std::string large(10'000, 'x');
    const std::string packed = SealFrame({}, large, options).value();
    EXPECT_LT(packed.size(), 200u);
    EXPECT_EQ(OpenFrame({}, packed)->payload(), large);
    // At the threshold, and where packing gains nothing, it is stored as it is.
    EXPECT_EQ(SealFrame({}, large.substr(0, 100), options)->size(), kFrameHeaderBytes + 100);
    Numbers numbers(1);
    std::string noise;
    while (noise.size() < 1000) noise += static_cast<char>(numbers.Next());
    EXPECT_EQ(SealFrame({}, noise, options)->size(), kFrameHeaderBytes + noise.size());
  }
}

TEST(Frame, UnpackingIsBounded) {
  const std::string packed =
      SealFrame({}, std::string(1 << 20, 'x'), {.compress_above = 0}).value();
  EXPECT_LT(packed.size(), 1000u);
  EXPECT_EQ(OpenFrame({}, packed, 1 << 20)->payload().size(), 1u << 20);
  EXPECT_EQ(OpenFrame({}, packed, (1 << 20) - 1).error().code, Errc::kLimit);
  EXPECT_EQ(SealFrame({}, "12345", {.payload_bytes_max = 4}).error().code, Errc::kLimit);
}

}  // namespace
}  // namespace cairn::cache
