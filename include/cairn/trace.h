// SPDX-License-Identifier: BSD-3-Clause
// Spans: what took how long, and as a part of what, for a tracing backend.
//
//   struct Exporter final : SpanSink {
//     void Take(FinishedSpan span) override { queue.Push(std::move(span)); }   // must not block
//   };
//   TypedCache<User, UserKey> users(store, {.spans = &exporter});
//   users.GetOrLoad(42, loader, {.trace = request_span});     // child of the request's span
//
// A span has what OTLP wants of one: ids of 16 and 8 bytes, the parent's, a name, start and end in
// nanoseconds since the Unix epoch, attributes, an error. OtlpJson writes a batch as an OTLP/HTTP
// request has it; to send it is the exporter's. Ids are unique by chance, and no secret.
//
// Errors: none; a sink that cannot take a span drops it. Thread safety: a Span belongs to one
// thread at a time; a sink is called from any. Lifetimes: a sink outlives what uses it. Cost:
// nothing without a sink; some 200 ns a span with one.
#ifndef CAIRN_TRACE_H_
#define CAIRN_TRACE_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/clock.h"

namespace cairn::cache {

// Names a span, within a trace. All zero: none.
struct SpanContext {
  std::array<std::uint8_t, 16> trace_id = {};
  std::array<std::uint8_t, 8> span_id = {};
  bool operator==(const SpanContext&) const = default;
};

struct SpanAttribute {
  std::string name;
  std::variant<bool, std::int64_t, double, std::string> value;
};

struct FinishedSpan {
  SpanContext context;
  std::array<std::uint8_t, 8> parent_id = {};  // all zero: the trace's first
  std::string name;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
  std::vector<SpanAttribute> attributes;
  std::string error;  // empty: none
};

class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // On the thread on which the span ended, which is not to be held up.
  virtual void Take(FinishedSpan span) = 0;
};

// Begins when it is made and ends when it goes. Without a sink it does nothing.
class Span {
 public:
  Span(SpanSink* sink, const Clock& clock, std::string_view name, const SpanContext& parent);
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  bool is_on() const { return sink_ != nullptr; }
  // The parent of what happens within; without a sink, its own parent.
  const SpanContext& context() const { return span_.context; }
  void Add(std::string_view name, std::string_view value);
  void Add(std::string_view name, std::int64_t value);
  void Fail(std::string_view error);

 private:
  SpanSink* const sink_;
  const Clock& clock_;
  TimePoint began_;
  FinishedSpan span_;
};

// {"resourceSpans": ...}, as POST /v1/traces takes it.
std::string OtlpJson(std::string_view service, std::span<const FinishedSpan> spans);

}  // namespace cairn::cache

#endif  // CAIRN_TRACE_H_
