// SPDX-License-Identifier: BSD-3-Clause
// Ids are drawn by splitmix64 from a count that begins anywhere, so that processes differ.
#include "cairn/trace.h"

#include <sys/random.h>

#include <atomic>

namespace cairn::cache {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Whatever it gives will do: ids need not be secret.
std::uint64_t AnyNumber() {
  std::uint64_t number = 0;
  const ssize_t size = getrandom(&number, sizeof(number), 0);
  return size > 0 ? number : 0;
}

std::uint64_t NextNumber() {
  static std::atomic<std::uint64_t> state(AnyNumber());
  // relaxed: only unique.
  std::uint64_t number = state.fetch_add(0x9E3779B97F4A7C15, std::memory_order_relaxed);
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
  return number ^ (number >> 31);
}

template <std::size_t kBytes>
std::array<std::uint8_t, kBytes> NextId() {
  std::array<std::uint8_t, kBytes> id;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kBytes; ++i) {
    if (i % 8 == 0) number = NextNumber();
    id[i] = static_cast<std::uint8_t>(number >> (i % 8 * 8));
  }
  return id;
}

template <std::size_t kBytes>
std::string Hex(const std::array<std::uint8_t, kBytes>& id) {
  std::string text;
  for (const std::uint8_t byte : id) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

// As a JSON string. Bytes that are no text stand as what they are: keys may hold any.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      quoted += '\\';
      quoted += byte;
    } else if (static_cast<unsigned char>(byte) < 0x20 || static_cast<unsigned char>(byte) > 0x7E) {
      quoted += "\\u00";
      quoted += kHexDigits[static_cast<unsigned char>(byte) >> 4];
      quoted += kHexDigits[static_cast<unsigned char>(byte) & 15];
    } else {
      quoted += byte;
    }
  }
  return quoted + '"';
}

std::string ValueJson(const SpanAttribute& attribute) {
  if (const auto* flag = std::get_if<bool>(&attribute.value))
    return std::string("{\"boolValue\":") + (*flag ? "true}" : "false}");
  // 64-bit integers are text in OTLP's JSON.
  if (const auto* integer = std::get_if<std::int64_t>(&attribute.value))
    return "{\"intValue\":\"" + std::to_string(*integer) + "\"}";
  if (const auto* number = std::get_if<double>(&attribute.value))
    return "{\"doubleValue\":" + std::to_string(*number) + "}";
  return "{\"stringValue\":" + Quoted(std::get<std::string>(attribute.value)) + "}";
}

std::string SpanJson(const FinishedSpan& span) {
  std::string json = "{\"traceId\":\"" + Hex(span.context.trace_id) + "\",\"spanId\":\"" +
                     Hex(span.context.span_id) + "\"";
  if (span.parent_id != decltype(span.parent_id)())
    json += ",\"parentSpanId\":\"" + Hex(span.parent_id) + "\"";
  json += ",\"name\":" + Quoted(span.name) + ",\"kind\":3,\"startTimeUnixNano\":\"" +
          std::to_string(span.start_ns) + "\",\"endTimeUnixNano\":\"" +
          std::to_string(span.end_ns) + "\",\"attributes\":[";
  for (std::size_t i = 0; i < span.attributes.size(); ++i) {
    json += i == 0 ? "" : ",";
    json += "{\"key\":" + Quoted(span.attributes[i].name) +
            ",\"value\":" + ValueJson(span.attributes[i]) + "}";
  }
  json += "]";
  if (!span.error.empty())
    json += ",\"status\":{\"code\":2,\"message\":" + Quoted(span.error) + "}";
  return json + "}";
}

}  // namespace

Span::Span(SpanSink* sink, const Clock& clock, std::string_view name, const SpanContext& parent)
    : sink_(sink), clock_(clock) {
  span_.context = parent;
  if (sink == nullptr) return;
  if (parent == SpanContext()) {
    span_.context.trace_id = NextId<16>();
  } else {
    span_.parent_id = parent.span_id;
  }
  span_.context.span_id = NextId<8>();
  span_.name = name;
  began_ = clock.Now();
  span_.start_ns = std::chrono::nanoseconds(clock.UnixNow().time_since_epoch()).count();
}

Span::~Span() {
  if (sink_ == nullptr) return;
  // By the clock that never goes back.
  span_.end_ns = span_.start_ns + (clock_.Now() - began_).count();
  sink_->Take(std::move(span_));
}

void Span::Add(std::string_view name, std::string_view value) {
  if (is_on()) span_.attributes.push_back({std::string(name), std::string(value)});
}
void Span::Add(std::string_view name, std::int64_t value) {
  if (is_on()) span_.attributes.push_back({std::string(name), value});
}
void Span::Fail(std::string_view error) {
  if (is_on()) span_.error = error;
}

std::string OtlpJson(std::string_view service, std::span<const FinishedSpan> spans) {
  std::string json =
      "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
      "{\"stringValue\":" +
      Quoted(service) + "}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"cairn\"},\"spans\":[";
  for (std::size_t i = 0; i < spans.size(); ++i) json += (i == 0 ? "" : ",") + SpanJson(spans[i]);
  return json + "]}]}]}";
}

}  // namespace cairn::cache
