// SPDX-License-Identifier: BSD-3-Clause
// TableWalk: how far a walk over all tables, shadows too, has come: stripe by stripe, in each table
// by table, in each as SegmentTable::Scan's cursors go. It holds nothing, so anything may change
// between two steps; what is there all the time is passed. One thread.
#ifndef CAIRN_KEYSPACE_TABLE_WALK_H_
#define CAIRN_KEYSPACE_TABLE_WALK_H_

#include <cstdint>

#include "keyspace/keyspace.h"

namespace cairn::keyspace {

class TableWalk {
 public:
  explicit TableWalk(const Keyspace& keyspace) : keyspace_(keyspace) {}

  StripeId stripe() const { return StripeId(stripe_); }
  DbId db() const { return DbId(db_); }
  std::uint64_t cursor() const { return cursor_; }

  // The step has come to `cursor`, 0 for the table's end. True once all tables are passed: the next
  // step is the first one again.
  bool Advance(std::uint64_t cursor) {
    cursor_ = cursor;
    if (cursor_ != 0) return false;
    if (++db_ < keyspace_.table_count()) return false;
    db_ = 0;
    if (++stripe_ < keyspace_.stripe_count()) return false;
    stripe_ = 0;
    return true;
  }

 private:
  const Keyspace& keyspace_;
  std::uint16_t stripe_ = 0;
  std::uint32_t db_ = 0;
  std::uint64_t cursor_ = 0;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TABLE_WALK_H_
