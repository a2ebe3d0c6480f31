// SPDX-License-Identifier: BSD-3-Clause
// ValueDigest: 64 bits that are equal for equal values of any type, whatever form they are in.
//
// For DEBUG DIGEST and for tests that compare data sets: not a figure that other servers would
// compute. Sets, hashes and sorted sets are summed, since their members have no order; lists and
// streams are chained. Field times count by their moment; idle times of stream consumers do not
// count. Linear in the value. Thread safety: under the entry's stripe lock.
#ifndef CAIRN_KEYSPACE_VALUE_DIGEST_H_
#define CAIRN_KEYSPACE_VALUE_DIGEST_H_

#include <cstdint>

#include "keyspace/entry.h"

namespace cairn::keyspace {

std::uint64_t ValueDigest(const Entry& entry);

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_VALUE_DIGEST_H_
