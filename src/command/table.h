// SPDX-License-Identifier: BSD-3-Clause
// CommandTable: from a name to its command.
//
// Built once from the families' rows, constant afterwards, read by all threads without locks; it
// refers to the rows, which must outlive it. All commands stand in one array: those of the top
// level first, then the subcommands, those of one container together. A command's index in it is
// dense and stays, so statistics are arrays.
//
// Find is on the way of every request. A name of up to eight bytes, which is nearly every one, is
// read as one 64-bit word with its case folded away; word and length, multiplied, choose the slot,
// and comparing them is the comparison of the names. Longer ones compare their last eight bytes
// too; only those with a sign that is no letter, or of more than sixteen bytes, are compared byte
// by byte. The multiplier is searched for when the table is built, so that the first slot is nearly
// always the right one (the table has eight slots a command). By callgrind, g++ 12 -O3, 125
// commands: GET and SET take 29 instructions, MGET 28, PEXPIREAT 76, BITFIELD_RO 248.
#ifndef CAIRN_COMMAND_TABLE_H_
#define CAIRN_COMMAND_TABLE_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "command/category.h"
#include "command/spec.h"

namespace cairn::command {

class CommandTable {
 public:
  // Where a command's keys are found.
  enum class KeyPlan : std::uint8_t { kNone, kFirstArgument, kBySpec };
  // Which stripes the runner locks for it.
  enum class Locking : std::uint8_t {
    kOfItsKeys,
    kAll,
    kNone,
    kByCall,  // all or those of its keys: Row::takes_all_stripes
  };

  struct Command {
    // Whether that many arguments, the name counted, are as many as it takes.
    bool TakesCount(std::size_t argc) const {
      const auto count = static_cast<std::int32_t>(argc);
      return arity > 0 ? count == arity : count >= -arity;
    }
    // Whether a call with these arguments runs under every stripe.
    bool TakesAllStripes(std::span<const std::string_view> args) const {
      if (locking == Locking::kByCall) [[unlikely]]
        return spec->row.takes_all_stripes(args);
      return locking == Locking::kAll;
    }

    // What the runner asks of every call, beside each other; the rest of what it is in `spec`.
    void (*run)(Call&) = nullptr;
    void (*read)(const keyspace::Entry*, resp::Writer&) = nullptr;
    void (*run_heavy)(Call&) = nullptr;
    void (*warm)(const keyspace::Entry&, std::span<const std::string_view>, WarmStep) = nullptr;
    const Spec* spec = nullptr;
    std::uint32_t flags = 0;
    std::uint32_t index = 0;  // in all(), for statistics
    std::int32_t arity = 0;
    KeyPlan key_plan = KeyPlan::kNone;
    Locking locking = Locking::kOfItsKeys;
    bool is_container = false;
    Categories categories = 0;  // ACL categories
    std::string full_name;      // lower-case: "get", "client|list"
    // What Find knows it by; another name, or none, after Rename. Empty for subcommands.
    std::string lookup_name;
    std::span<const Command> subcommands;
  };

  // CHECKs that no two rows have the same name and that subcommands' lines name their container.
  explicit CommandTable(std::span<const std::span<const Spec>> families);
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // The command of that name in any case, or null. Not for subcommands.
  const Command* Find(std::string_view name) const {
    const Name wanted(name);
    const Slot& slot = slots_[SlotOf(wanted)];
    if (slot.exact && slot.name.word == wanted.word && slot.name.length == wanted.length)
        [[likely]] {
      return slot.command;
    }
    return FindFurther(name);
  }
  // What a request asks for: the command, or the subcommand that its second argument names. Null if
  // there is none. REQUIRES: args is not empty.
  const Command* Resolve(std::span<const std::string_view> args) const {
    return Narrow(Find(args[0]), args);
  }
  // The same where the command, or that there is none, is known.
  const Command* Narrow(const Command* command, std::span<const std::string_view> args) const {
    if (command == nullptr || !command->is_container || args.size() < 2) [[likely]]
      return command;
    return FindSubcommand(*command, args[1]);
  }
  // The container's subcommand of that name in any case, or null.
  const Command* FindSubcommand(const Command& container, std::string_view name) const;
  // What `subcommand`, which is one, belongs to; whatever rename-command has made of its name.
  const Command& ContainerOf(const Command& subcommand) const;
  // By full name: "client|list".
  const Command* FindFull(std::string_view full_name) const;

  // Commands and subcommands.
  std::size_t size() const { return commands_.size(); }
  std::span<const Command> all() const { return commands_; }
  // rename-command: `name` is known as `new_name` from now on, or not at all if that is empty.
  // Fails if there is no such command, or another one has the new name. Before the table is shared
  // between threads.
  Status Rename(std::string_view name, std::string_view new_name);
  // Without the subcommands.
  std::span<const Command> top_level() const { return all().first(top_level_count_); }

 private:
  // What of a name fits into one comparison.
  struct Name {
    Name() = default;
    explicit Name(std::string_view name)
        : word(Load(name) & kFold), length(static_cast<std::uint32_t>(name.size())) {}

    // Upper-cases letters. Signs and digits lose a bit too: see Slot::exact.
    static constexpr std::uint64_t kFold = 0xDFDFDFDFDFDFDFDFull;

    // Up to eight bytes as a number that, together with the length, tells them all.
    static std::uint64_t Load(std::string_view name) {
      const char* p = name.data();
      const std::size_t length = name.size();
      if (length >= 8) return LoadAs<std::uint64_t>(p);
      if (length >= 4) {
        return LoadAs<std::uint32_t>(p) | std::uint64_t{LoadAs<std::uint32_t>(p + length - 4)}
                                              << 32;
      }
      if (length >= 2) {
        return LoadAs<std::uint16_t>(p) |
               static_cast<std::uint64_t>(static_cast<unsigned char>(p[length - 1])) << 16;
      }
      return length == 0 ? 0 : static_cast<unsigned char>(p[0]);
    }
    template <class T>
    static T LoadAs(const char* p) {
      T value;
      std::memcpy(&value, p, sizeof(value));
      return value;
    }

    std::uint64_t word = 0;
    std::uint32_t length = 0;
  };

  struct Slot {
    Name name;
    // All bytes are letters, and at most eight: equal words are equal names.
    bool exact = false;
    // All bytes are letters, and at most sixteen: equal words and tails are equal names.
    bool exact_with_tail = false;
    std::uint64_t tail = 0;  // the last eight bytes, if there are as many
    const Command* command = nullptr;
  };

  const Command* FindFurther(std::string_view name) const;
  static Slot MakeSlot(const Command& command);
  static bool SameName(const Slot& slot, std::string_view name);
  std::size_t SlotOf(const Name& name) const {
    return ((name.word + name.length) * multiplier_) >> slot_shift_;
  }
  static Command MakeCommand(const Spec& spec, std::size_t index);
  void AddRows(std::span<const std::span<const Spec>> families);
  void AddSubcommands(std::size_t container);
  void ChooseMultiplier();
  std::size_t FillSlots();

  std::vector<Command> commands_;
  std::size_t top_level_count_ = 0;
  std::vector<Slot> slots_;
  std::uint64_t multiplier_ = 0;
  unsigned slot_shift_ = 63;
  std::size_t slot_mask_ = 0;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_TABLE_H_
