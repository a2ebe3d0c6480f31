// SPDX-License-Identifier: BSD-3-Clause
// What the caching commands leave in RDB files: words of notes, known absence, namespaces.
//
// The first byte chooses. Words that can be unpacked come back from being packed, and so do the
// rules and the notes that they make. And a file with any such fields in front of keys is read or
// refused; if it is read, caching commands go on from there as ever, and what they log can be
// replayed. An engine takes longer to make than a file to read, so a hundred files share one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/rdb_writer.h"
#include "commands/cache_args.h"
#include "commands/namespaces.h"
#include "engine/engine.h"
#include "first_byte.h"
#include "persist/loader.h"
#include "persist/notes_words.h"

namespace {

using cairn::commands::CacheOptions;
using cairn::commands::kNoteOptions;
using cairn::commands::kNotGiven;
using cairn::commands::ReadCacheOptions;
using cairn::engine::EmbeddedSession;
using cairn::engine::Engine;
using cairn::persist::PackWords;
using cairn::persist::UnpackWords;

constexpr std::string_view kName = "key";
constexpr int kFilesAStore = 100;
constexpr std::size_t kFieldsMax = 32;
constexpr std::size_t kLogBytes = 1 << 20;  // an engine a run: it is to be made quickly

void NotesComeBack(std::span<const std::string_view> words) {
  const cairn::Result<CacheOptions> options = ReadCacheOptions(words, kNoteOptions);
  if (!options || !options->is_effect()) return;
  cairn::keyspace::Tags tags;
  tags.AtLeast(static_cast<std::uint64_t>(options->stamp));
  const auto notes = cairn::commands::NotesOf(*options, tags);
  cairn::commands::EffectWords said("CACHE.TOUCH", kName);
  said.Add(*notes, options->expires_at == kNotGiven ? cairn::kNever : options->expires_at);
  const std::vector<std::string_view> all = said.views();
  const auto heard = ReadCacheOptions(std::span(all).subspan(2), kNoteOptions);
  CHECK(heard.has_value());
  CHECK(heard->stamp == options->stamp);
  CHECK(heard->expires_at == options->expires_at);
  CHECK(heard->stale_at == options->stale_at);
  CHECK(heard->version == options->version);
  CHECK(heard->tags.size() <= options->tags.size());
}

void RulesComeBack(std::span<const std::string_view> words) {
  const auto rules = cairn::commands::ReadRules(words);
  if (!rules) return;
  const std::vector<std::string> said = cairn::commands::WordsOfRules(*rules);
  const std::vector<std::string_view> views(said.begin(), said.end());
  const auto heard = cairn::commands::ReadRules(views);
  CHECK(heard.has_value());
  CHECK(cairn::commands::WordsOfRules(*heard) == said);
}

void ComeBack(std::string_view packed) {
  const auto words = UnpackWords(packed);
  if (!words) return;
  const std::string again = PackWords(*words);
  CHECK(UnpackWords(again) == words);
  NotesComeBack(*words);
  RulesComeBack(*words);
}

class Text final : public cairn::codec::ByteSource, public cairn::codec::ByteSink {
 public:
  cairn::Result<std::size_t> Read(std::span<char> into) override {
    const std::size_t count = std::min(into.size(), bytes_.size() - at_);
    if (count > 0) std::memcpy(into.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  cairn::Status Write(std::string_view bytes) override {
    bytes_.append(bytes);
    return {};
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

bool Load(Engine& engine, Text& file) {
  cairn::persist::LoadProgress progress;
  return cairn::persist::LoadRdb(engine.keyspace(), file, {}, progress).has_value();
}

// A store that files are loaded into, and one into which its log is replayed.
class Stores {
 public:
  Stores() { replayed_->BeginReplay(); }
  Engine& engine() { return engine_; }

  void GoOn(const std::vector<std::string>& names) {
    for (const std::string& name : names) CHECK(session_->Execute({"CACHE.INFO", name})[0] != '-');
    // The counts that the file has brought go on.
    CHECK(session_->Execute({"TAG.BUMP", "HARD", "t"}) == ":1\r\n");
    CHECK(session_->Execute({"CACHE.SET", "more", "v", "TAGS", "1", "t"}) == "+OK\r\n");
    CHECK(session_->Execute({"TAG.BUMP", "SOFT", "t"}) == ":1\r\n");
  }

  void Empty() {
    CHECK(session_->Execute({"FLUSHALL"}) == "+OK\r\n");
    std::vector<std::string> prefixes;
    for (const auto* space : engine_.keyspace().namespaces().declared())
      prefixes.emplace_back(space->prefix());
    for (const std::string& prefix : prefixes) session_->Execute({"NAMESPACE.DEL", prefix});
    while (const std::optional<cairn::log::Effect> effect = reader_->Next()) {
      replayed_->set_db(effect->db);
      const std::vector<std::string_view> args(effect->args.begin(), effect->args.end());
      CHECK(replayed_->Execute(args)[0] != '-');
    }
  }

 private:
  cairn::ManualClock clock_{1'700'000'000'000'000};
  Engine engine_{
      {.stripe_count = 4, .log_ring_bytes = kLogBytes, .clock = &clock_, .with_keeper = false}};
  Engine twin_{
      {.stripe_count = 4, .log_ring_bytes = kLogBytes, .clock = &clock_, .with_keeper = false}};
  std::unique_ptr<cairn::log::Reader> reader_ = engine_.AttachLogReader(cairn::log::Lag::kMustKeep);
  std::unique_ptr<EmbeddedSession> session_ = engine_.NewSession();
  std::unique_ptr<EmbeddedSession> replayed_ = twin_.NewSession();
};

// Lines: the field's kind in the first byte, then its text. Behind each stands a key of its own.
void ReadFields(std::string_view lines) {
  Text file;
  cairn::codec::RdbWriter writer(file, {});
  writer.SelectDb(cairn::DbId(0));
  std::vector<std::string> names;
  for (std::size_t n = 0; n < kFieldsMax && !lines.empty(); ++n) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.empty()) continue;
    constexpr std::string_view kFields[] = {
        cairn::persist::kNotesField, cairn::persist::kAbsentField, cairn::persist::kNamespaceField};
    writer.Aux(kFields[static_cast<unsigned char>(line[0]) % std::size(kFields)], line.substr(1));
    names.push_back(std::string(kName) + std::to_string(n));
    writer.Key({.key = names.back(), .expiry = cairn::kNever}, std::string_view("value"));
  }
  CHECK(writer.End().ok());
  static std::unique_ptr<Stores> stores;
  static int files = 0;
  if (files++ % kFilesAStore == 0) stores = std::make_unique<Stores>();
  if (Load(stores->engine(), file)) stores->GoOn(names);
  stores->Empty();
}

}  // namespace

// What the stores keep from one input to the next is no leak, and hangs on tagged pointers, which
// the search for leaks does not see.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return cairn::fuzz::RunOneOf({ComeBack, ReadFields}, data, size);
}
