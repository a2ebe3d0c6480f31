// SPDX-License-Identifier: BSD-3-Clause
// ImageWork: the steps by which a cut becomes an image, for whoever takes them.
//
// A step of the saver's takes a batch and may wait, for a stripe or for the disk. One of another
// thread takes ten microseconds or so and waits for nothing: it passes on small entries, whose
// bytes are kept until the saver comes, and leaves to it what may take longer (save_steps.h).
//
// Form: how an image looks; RdbImage and CommandImage in image.cc. One thread at a time.
#ifndef CAIRN_PERSIST_IMAGE_WORK_H_
#define CAIRN_PERSIST_IMAGE_WORK_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "base/status.h"
#include "base/thread.h"
#include "keyspace/cut.h"
#include "keyspace/cut_backlog.h"
#include "persist/file_sink.h"
#include "persist/image.h"
#include "persist/save_steps.h"

namespace cairn::persist {

template <class Form>
class ImageWork {
 public:
  // What a helper takes on before it looks at the time: entries, no more once they have so many
  // bytes, and none that has more by itself. And bytes that wait to be written, and of a batch that
  // it may give back.
  static constexpr int kHelpedEntries = 32;
  static constexpr std::size_t kHelpedBytes = 4 * 1024;
  static constexpr std::size_t kKeptBytesMax = 1024UL * 1024;
  static constexpr std::size_t kHelpedBatchBytesMax = 64UL * 1024;

  ImageWork(keyspace::Cut& cut, const keyspace::CutBacklog& backlog, Form& image, FileSink& sink,
            const ImageFormat& format, SaveSteps* steps, SaveProgress& progress)
      : cut_(cut),
        backlog_(backlog),
        image_(image),
        sink_(sink),
        format_(format),
        steps_(steps),
        progress_(progress) {}

  // The saver's: what is left of a batch, or the next; false at the end, and once it failed.
  bool Step() {
    is_left_to_saver_ = false;
    if (!WriteKept()) return false;
    if (!HasEntry()) {
      GiveBackBatch();
      batch_ = cut_.Next();
      if (!batch_) return false;
    }
    while (HasEntry() && GoesOn()) AddEntry();
    GiveBackBatch();
    progress_.NoteCopied(backlog_.bytes());
    return GoesOn();
  }
  // The saver's, too, while others take the steps.
  bool WriteKept() {
    if (status_.ok()) status_ = sink_.WriteKept();
    return GoesOn();
  }
  // Another thread's, in memory and for some ten microseconds; false if there is nothing for it.
  bool StepAside() {
    if (is_left_to_saver_) return false;
    if (!GoesOn() || format_.key_delay_us != 0 || sink_.kept_bytes() >= kKeptBytesMax)
      return LeaveToSaver();
    if (!HasEntry()) {
      if (batch_ && batch_->bytes() > kHelpedBatchBytesMax) return LeaveToSaver();
      GiveBackBatch();
      batch_ = cut_.Pop();
      if (!batch_) return TryWalk();
    }
    sink_.set_keeping(true);
    std::size_t bytes = 0;
    for (int i = 0; i < kHelpedEntries && bytes < kHelpedBytes && HasEntry() && IsForHelpers();
         ++i) {
      bytes += EntryBytes();
      AddEntry();
    }
    sink_.set_keeping(false);
    progress_.NoteCopied(backlog_.bytes());
    if (HasEntry() && !IsForHelpers()) return LeaveToSaver();
    if (sink_.kept_bytes() > 0) steps_->Wake();
    return true;
  }
  bool is_left_to_saver() const { return is_left_to_saver_; }

  Status End() {
    WriteKept();
    if (!status_.ok()) return status_;
    if (!image_.status().ok()) return image_.status();
    if (progress_.is_stopping()) return SaveGivenUp();
    return image_.End();
  }

 private:
  bool GoesOn() const { return status_.ok() && image_.status().ok() && !progress_.is_stopping(); }
  bool HasEntry() const { return batch_ && !batch_->Ends(place_); }
  std::size_t EntryBytes() const {
    const keyspace::Entry& entry = batch_->At(place_);
    return entry.own_bytes() + entry.beside_bytes();
  }
  bool IsForHelpers() const { return !batch_->IsLarge(place_) && EntryBytes() <= kHelpedBytes; }
  // Whoever has the stripe goes on soon, or has it for long: the saver need not wait for it now.
  bool TryWalk() {
    switch (cut_.TryWalk()) {
      case keyspace::Cut::Walked::kStep:
        return true;
      case keyspace::Cut::Walked::kBusy:
        return false;
      case keyspace::Cut::Walked::kEnd:
        break;
    }
    return LeaveToSaver();
  }
  bool LeaveToSaver() {
    is_left_to_saver_ = true;
    steps_->Wake();
    return false;
  }
  void GiveBackBatch() {
    place_ = {};
    batch_.reset();
  }
  void AddEntry() {
    batch_->Visit(place_, [this](DbId db, UnixMs expiry, const keyspace::Entry& entry,
                                 keyspace::CutValue* large) {
      if (large != nullptr) {
        AddPieces(db, expiry, entry, *large);
      } else {
        image_.Add(db, expiry, entry);
      }
    });
    progress_.NoteKey();
    if (format_.key_delay_us != 0) [[unlikely]]
      DelayAfterKey();
  }
  void DelayAfterKey() {
    const std::int64_t delay_us = format_.key_delay_us;
    if (delay_us > 0) {
      progress_.Sleep(delay_us);
    } else if (progress_.keys() % static_cast<std::uint64_t>(-delay_us) == 0) {
      progress_.Sleep(1);
    }
  }
  // Leaves it at a part of the value when the save is to end: Step sees why.
  void AddPieces(DbId db, UnixMs expiry, const keyspace::Entry& entry, keyspace::CutValue& value) {
    image_.Begin(db, expiry, entry, value);
    while (const std::optional<keyspace::CutPiece> piece = value.Next()) {
      image_.AddPiece(db, entry, *piece);
      if (!GoesOn()) return;
      Thread::Yield();  // as between steps
      progress_.NoteCopied(backlog_.bytes());
    }
    image_.EndPieces(db, expiry, entry);
  }

  keyspace::Cut& cut_;
  const keyspace::CutBacklog& backlog_;
  Form& image_;
  FileSink& sink_;
  const ImageFormat& format_;
  SaveSteps* const steps_;
  SaveProgress& progress_;
  std::optional<keyspace::CutBatch> batch_;
  keyspace::CutBatch::Place place_;
  Status status_;
  bool is_left_to_saver_ = false;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_IMAGE_WORK_H_
