// SPDX-License-Identifier: BSD-3-Clause
// RdbFigures: what an RDB consists of, counted key by key: databases, types with their forms and
// encodings, the largest key.
//
// Bounded: no more than kDatabasesMax databases are told apart, what lies in others is counted
// together; types and encodings are few. One thread at a time.
#ifndef CAIRN_PERSIST_RDB_FIGURES_H_
#define CAIRN_PERSIST_RDB_FIGURES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/function_ref.h"
#include "base/ids.h"
#include "codec/rdb_reader.h"

namespace cairn::persist {

// Where a report goes, a line at a time, without its end.
using SayLine = FunctionRef<void(std::string_view line)>;

// OBJECT ENCODING of the value, and how many elements it has; a string has one.
std::string_view EncodingOf(const codec::RdbValue& value);
std::uint64_t ElementsOf(const codec::RdbValue& value);

class RdbFigures {
 public:
  static constexpr std::size_t kDatabasesMax = 1024;

  explicit RdbFigures(UnixMs now) : now_(now) {}

  // A key of `db`, which takes so many bytes in the file.
  void Add(DbId db, const codec::RdbItem& item, std::uint64_t bytes);

  // The three lines that redis-check-rdb ends with.
  void SayTotals(SayLine say) const;
  // Databases, types, the largest key.
  void SayDetails(SayLine say) const;

 private:
  struct Counted {
    std::uint64_t keys = 0;
    std::uint64_t volatile_keys = 0;
    std::uint64_t expired_keys = 0;
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;

    void Add(const Counted& more);
  };
  struct Largest {
    DbId db{0};
    std::string key;  // as it is shown
    codec::RdbType type{};
    Counted counted;
  };

  UnixMs now_;
  Counted total_;
  std::map<std::uint32_t, Counted> databases_;
  Counted other_databases_;
  std::map<std::pair<codec::RdbType, std::string_view>, Counted> types_;  // and encodings
  Largest largest_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_RDB_FIGURES_H_
