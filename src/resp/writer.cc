// SPDX-License-Identifier: BSD-3-Clause
// The replies that are not hot enough to be inline.
#include "resp/writer.h"

#include <algorithm>

#include "base/check.h"

namespace cairn::resp {

// REQUIRES: the type byte stands at p[0].
char* Writer::PutLongHeader(char* p, std::size_t number) {
  p = FormatUint64(p + 1, number);
  p[0] = '\r';
  p[1] = '\n';
  return p + 2;
}

void Writer::LongInteger(std::int64_t number) {
  char* p = buffer_->Reserve(kHeaderBytesMax);
  p[0] = ':';
  p = FormatInt64(p + 1, number);
  p[0] = '\r';
  p[1] = '\n';
  buffer_->CommitTo(p + 2);
}

void Writer::Line(char type, std::string_view text) {
  char* p = buffer_->Reserve(text.size() + 3);
  *p++ = type;
  if (!text.empty()) std::memcpy(p, text.data(), text.size());
  p += text.size();
  p[0] = '\r';
  p[1] = '\n';
  buffer_->CommitTo(p + 2);
}

void Writer::Simple(std::string_view text) {
  DCHECK(text.find_first_of("\r\n") == std::string_view::npos);
  Line('+', text);
}

void Writer::Error(std::string_view text) {
  ++error_count_;
  // Line breaks at the end go, as with Redis; those within become spaces.
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);
  const std::string_view code = text.substr(0, std::min(text.find(' '), kErrorCodeMax));
  error_code_size_ = static_cast<std::uint32_t>(code.size());
  std::memcpy(error_code_, code.data(), code.size());
  // A client's bytes may be quoted in the text; a line break among them would end the reply early.
  char* const begin = buffer_->Reserve(text.size() + 3) + 1;
  Line('-', text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begin[i] == '\r' || begin[i] == '\n') begin[i] = ' ';
  }
}

void Writer::BulkBlob(const Blob* blob, std::string_view part) {
  if (part.size() < kBlobThreshold) return Bulk(part);
  Header('$', part.size());
  // Counting a reference does not change the value that the caller holds as const.
  buffer_->AppendBlob(BlobRef(const_cast<Blob*>(blob)), part);
  Literal("\r\n");
}

void Writer::StringFromInteger(std::int64_t number) {
  char digits[kInt64TextMax];
  const char* end = FormatInt64(digits, number);
  Bulk({digits, static_cast<std::size_t>(end - digits)});
}

void Writer::Double(double number) {
  char digits[kDoubleTextMax];
  const char* end = FormatDouble(digits, number);
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  if (resp3()) return Line(',', text);
  Bulk(text);
}

void Writer::BigNumber(std::string_view digits) {
  if (resp3()) return Line('(', digits);
  Bulk(digits);
}

void Writer::Verbatim(std::string_view format, std::string_view text) {
  if (!resp3()) return Bulk(text);
  CHECK(format.size() == 3);
  Header('=', text.size() + 4);
  Raw(format);
  Literal(":");
  Raw(text);
  Literal("\r\n");
}

void Writer::End(std::size_t handle, char type, std::size_t count) {
  char header[kHeaderBytesMax];
  const char* end = PutHeader(header, type, count);
  buffer_->FillHole(handle, {header, static_cast<std::size_t>(end - header)});
}

}  // namespace cairn::resp
