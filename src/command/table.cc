// SPDX-License-Identifier: BSD-3-Clause
// Building the table, and the ways of Find that few names take.
//
// A true perfect hash (a displacement per bucket) was considered: it saves the rare second probe
// and costs every lookup a second load. With eight slots a command and the best of 256 multipliers,
// nearly all names sit in their first slot.
#include "command/table.h"

#include <bit>

#include "base/check.h"
#include "base/text.h"

namespace cairn::command {
namespace {

constexpr std::size_t kSlotsPerCommand = 8;
constexpr int kMultiplierTries = 256;

// A step of splitmix64: candidates for the multiplier, the same in each process.
std::uint64_t NextCandidate(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ull;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return (z ^ (z >> 31)) | 1;
}

bool AllLetters(std::string_view text) {
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    if (lower < 'a' || lower > 'z') return false;
  }
  return true;
}

std::size_t CountRows(std::span<const std::span<const Spec>> families) {
  std::size_t count = 0;
  for (const std::span<const Spec> family : families) {
    for (const Spec& spec : family) count += 1 + spec.row.subcommands.size();
  }
  return count;
}

}  // namespace

CommandTable::CommandTable(std::span<const std::span<const Spec>> families) {
  AddRows(families);
  ChooseMultiplier();
}

CommandTable::Command CommandTable::MakeCommand(const Spec& spec, std::size_t index) {
  Command command;
  command.run = spec.row.run;
  command.run_heavy = spec.row.run_heavy;
  command.read = spec.row.read;
  command.warm = spec.row.warm;
  command.spec = &spec;
  command.flags = spec.row.flags;
  command.index = static_cast<std::uint32_t>(index);
  command.arity = spec.arity;
  command.is_container = !spec.row.subcommands.empty();
  if (spec.movable) {
    command.key_plan = KeyPlan::kBySpec;
  } else if (spec.keys.step != 0) {
    const bool one = spec.keys.first == 1 && spec.keys.last == 1;
    command.key_plan = one ? KeyPlan::kFirstArgument : KeyPlan::kBySpec;
  }
  if ((spec.row.flags & kAllStripes) != 0) command.locking = Locking::kAll;
  if ((spec.row.flags & kOwnLocks) != 0) command.locking = Locking::kNone;
  if (spec.row.takes_all_stripes != nullptr) command.locking = Locking::kByCall;
  command.categories = CategoriesOf(spec.row);
  command.full_name = ToLower(spec.name);
  return command;
}

void CommandTable::AddRows(std::span<const std::span<const Spec>> families) {
  // No later push moves a command: slots and spans point to them.
  commands_.reserve(CountRows(families));
  for (const std::span<const Spec> family : families) {
    for (const Spec& spec : family) {
      CHECK(spec.container.empty());
      Command& command = commands_.emplace_back(MakeCommand(spec, commands_.size()));
      command.lookup_name = command.full_name;
    }
  }
  top_level_count_ = commands_.size();
  for (std::size_t i = 0; i < top_level_count_; ++i) AddSubcommands(i);
}

void CommandTable::AddSubcommands(std::size_t container) {
  const Spec& parent = *commands_[container].spec;
  const std::size_t first = commands_.size();
  for (const Spec& spec : parent.row.subcommands) {
    CHECK(spec.container == parent.name);
    CHECK(spec.row.subcommands.empty());
    Command& command = commands_.emplace_back(MakeCommand(spec, commands_.size()));
    command.full_name = commands_[container].full_name + "|" + command.full_name;
  }
  commands_[container].subcommands = all().subspan(first);
}

void CommandTable::ChooseMultiplier() {
  const std::size_t slot_count = std::bit_ceil(top_level_count_ * kSlotsPerCommand + 2);
  slot_shift_ = 64 - static_cast<unsigned>(std::countr_zero(slot_count));
  slot_mask_ = slot_count - 1;
  slots_.resize(slot_count);
  std::uint64_t state = 0;
  std::uint64_t best = 1;
  std::size_t best_probes = SIZE_MAX;
  for (int i = 0; i < kMultiplierTries; ++i) {
    multiplier_ = NextCandidate(state);
    const std::size_t probes = FillSlots();
    if (probes >= best_probes) continue;
    best_probes = probes;
    best = multiplier_;
  }
  multiplier_ = best;
  FillSlots();
}

CommandTable::Slot CommandTable::MakeSlot(const Command& command) {
  const std::string_view name = command.lookup_name;
  const bool letters = AllLetters(name);
  Slot slot;
  slot.name = Name(name);
  slot.exact = letters && name.size() <= 8;
  slot.exact_with_tail = letters && name.size() > 8 && name.size() <= 16;
  if (name.size() > 8) slot.tail = Name(name.substr(name.size() - 8)).word;
  slot.command = &command;
  return slot;
}

// Returns the number of commands that are not in their first slot, weighed by how far.
std::size_t CommandTable::FillSlots() {
  slots_.assign(slots_.size(), {});
  std::size_t probes = 0;
  for (const Command& command : top_level()) {
    if (command.lookup_name.empty()) continue;
    const Name name(command.lookup_name);
    std::size_t i = SlotOf(name);
    for (; slots_[i].command != nullptr; i = (i + 1) & slot_mask_) {
      CHECK(slots_[i].command->lookup_name != command.lookup_name);
      ++probes;
    }
    slots_[i] = MakeSlot(command);
  }
  return probes;
}

const CommandTable::Command* CommandTable::FindFurther(std::string_view name) const {
  const Name wanted(name);
  for (std::size_t i = SlotOf(wanted);; i = (i + 1) & slot_mask_) {
    const Slot& slot = slots_[i];
    if (slot.command == nullptr) return nullptr;
    if (slot.name.word != wanted.word || slot.name.length != wanted.length) continue;
    if (SameName(slot, name)) return slot.command;
  }
}

// REQUIRES: word and length are the same.
bool CommandTable::SameName(const Slot& slot, std::string_view name) {
  if (slot.exact) return true;
  if (slot.exact_with_tail) return slot.tail == Name(name.substr(name.size() - 8)).word;
  return EqualsIgnoreCase(slot.command->lookup_name, name);
}

Status CommandTable::Rename(std::string_view name, std::string_view new_name) {
  const Command* found = Find(name);
  if (found == nullptr) return {StatusCode::kNotFound, "No such command in rename-command"};
  // To its own name is allowed: Redis takes the old one away first.
  const Command* namesake = new_name.empty() ? nullptr : Find(new_name);
  if (namesake != nullptr && namesake != found) {
    return {StatusCode::kExists, "Target command name already exists"};
  }
  commands_[found->index].lookup_name = ToLower(new_name);
  FillSlots();
  return {};
}

const CommandTable::Command* CommandTable::FindSubcommand(const Command& container,
                                                          std::string_view name) const {
  for (const Command& command : container.subcommands) {
    if (EqualsIgnoreCase(command.spec->name, name)) return &command;
  }
  return nullptr;
}

const CommandTable::Command& CommandTable::ContainerOf(const Command& subcommand) const {
  const Command* found = nullptr;
  for (const Command& command : top_level()) {
    const std::span<const Command> all = command.subcommands;
    if (!all.empty() && &subcommand >= &all.front() && &subcommand <= &all.back()) found = &command;
  }
  CHECK(found != nullptr);
  return *found;
}

const CommandTable::Command* CommandTable::FindFull(std::string_view full_name) const {
  const std::size_t bar = full_name.find('|');
  const Command* command = Find(full_name.substr(0, bar));
  if (command == nullptr || bar == full_name.npos) return command;
  return FindSubcommand(*command, full_name.substr(bar + 1));
}

}  // namespace cairn::command
