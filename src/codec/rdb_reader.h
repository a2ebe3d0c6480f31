// SPDX-License-Identifier: BSD-3-Clause
// RdbReader: an RDB file, part by part, from a source.
//
//   RdbReader reader(source, options);
//   RdbItem item;
//   while (true) {
//     if (Status read = reader.Next(&item); !read.ok()) return read;   // "... at byte 1234"
//     switch (item.kind) {
//       case RdbItem::Kind::kDb:   db = item.db;  break;
//       case RdbItem::Kind::kKey:  Store(db, std::move(item));  break;
//       case RdbItem::Kind::kEnd:  return {};                          // the checksum was right
//       ...
//     }
//   }
//
// Versions 1 to 12 are read, and every type of value of Redis up to 7.4 (see rdb_value_reader.h for
// what is checked). Modules' values are refused; what modules keep besides is refused or passed
// over, as the options say. Expired keys and fields are handed out like others: what is expired,
// and whether that matters, is for the caller to say. Empty collections, which a bug of Redis once
// wrote, are passed over and counted.
//
// An item's strings are used again for the next one. The item and its views are good until the next
// call. After an error or kEnd there is no next one; after an error the item's kind and name tell
// how far it came (kKey with a name: in that key's value). One thread at a time.
#ifndef CAIRN_CODEC_RDB_READER_H_
#define CAIRN_CODEC_RDB_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "codec/byte_source.h"
#include "codec/rdb_format.h"
#include "codec/rdb_input.h"
#include "codec/rdb_value_reader.h"

namespace cairn::codec {

enum class RdbModuleAux : std::uint8_t { kRefuse, kSkip };

struct RdbReaderOptions {
  RdbValueLimits limits;
  bool verify_checksum = true;  // rdbchecksum
  RdbModuleAux module_aux = RdbModuleAux::kRefuse;
};

struct RdbItem {
  enum class Kind : std::uint8_t {
    kAux,       // name, text
    kDb,        // db: of the keys that follow
    kResize,    // keys, volatile_keys: of that database, as far as the writer knew
    kFunction,  // text: the source of a library
    kSlot,      // the sizes of a cluster's slot
    kKey,       // name, type, value; expiry, idle_seconds, frequency
    kEnd,
  };
  Kind kind = Kind::kEnd;
  RdbType type{};  // as it stands in the file
  std::string name;
  std::string_view text;
  DbId db{};
  std::uint64_t keys = 0;
  std::uint64_t volatile_keys = 0;
  UnixMs expiry = kNever;
  std::optional<std::uint64_t> idle_seconds;
  std::optional<std::uint8_t> frequency;
  RdbValue value;
};

class RdbReader {
 public:
  // Where a large collection under this key is to live.
  using HomeFn = std::function<value::TableHome(std::string_view key)>;

  // The source outlives the reader.
  RdbReader(ByteSource& source, HomeFn home_of, const RdbReaderOptions& options)
      : in_(source),
        values_(in_, options.limits),
        home_of_(std::move(home_of)),
        options_(options) {}

  Status Next(RdbItem* item);

  // What the header said; 0 before the first Next.
  int version() const { return version_; }
  std::uint64_t offset() const { return in_.offset(); }
  std::uint64_t empty_keys() const { return empty_keys_; }
  // After kEnd: whether the file ends with a checksum. Its writer may have been told not to.
  bool has_checksum() const { return has_checksum_; }
  // After kEnd: what was taken from the source beyond the file's end, as an AOF's commands follow
  // its preamble. What the source still has comes behind it.
  std::string_view unread() const { return in_.unread(); }

 private:
  void ReadHeader();
  void ReadPart(RdbItem* item);
  bool ReadOpcode(std::uint8_t code, RdbItem* item);
  bool ReadKeyOpcode(RdbOpcode opcode, RdbItem* item);
  bool ReadKey(std::uint8_t type, RdbItem* item);
  void ReadAux(RdbItem* item);
  void ReadSlot(RdbItem* item);
  void ReadModuleAux();
  void ReadEnd(RdbItem* item);

  RdbInput in_;
  RdbValueReader values_;
  const HomeFn home_of_;
  const RdbReaderOptions options_;
  int version_ = 0;
  std::uint64_t empty_keys_ = 0;
  bool has_checksum_ = false;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_READER_H_
