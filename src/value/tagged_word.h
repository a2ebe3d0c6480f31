// SPDX-License-Identifier: BSD-3-Clause
// TaggedWord: which form a collection has, and the owning pointer to it, in one word.
//
//     | 60 bits of pointer | form: 3 |        blocks are aligned to 16 bytes at least
//
// The word owns nothing by itself: the collection around it frees. A container that is one pointer
// (PackedList, IntSet) is worked on through Borrowed, which takes it out of the word and puts back
// what became of it:
//
//   Borrowed<ds::PackedList, Form> list(word_);
//   list->Append(member);
#ifndef CAIRN_VALUE_TAGGED_WORD_H_
#define CAIRN_VALUE_TAGGED_WORD_H_

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace cairn::value {

// Form is an enum of at most eight, the first of which, with no pointer, is the empty collection.
template <class Form>
class TaggedWord {
 public:
  TaggedWord() = default;
  TaggedWord(Form form, void* pointer) { Set(form, pointer); }

  Form form() const { return static_cast<Form>(word_ & kFormMask); }
  void* pointer() const { return reinterpret_cast<void*>(word_ & ~kFormMask); }
  void Set(Form form, void* pointer) {
    const auto bits = reinterpret_cast<std::uintptr_t>(pointer);
    DCHECK((bits & kFormMask) == 0);
    word_ = bits | static_cast<std::uintptr_t>(form);
  }
  // What it holds; it is the empty collection then.
  TaggedWord Take() { return std::exchange(*this, TaggedWord()); }

 private:
  static constexpr std::uintptr_t kFormMask = 7;
  std::uintptr_t word_ = 0;
};

// REQUIRES: the word holds a Container's pointer, before and after.
template <class Container, class Form>
class Borrowed {
 public:
  explicit Borrowed(TaggedWord<Form>& word)
      : word_(word), container_(Container::Adopt(word.pointer())) {}
  ~Borrowed() { word_.Set(word_.form(), container_.Release()); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  Container* operator->() { return &container_; }
  Container& operator*() { return container_; }

 private:
  TaggedWord<Form>& word_;
  Container container_;
};

// The same for reading: the pointer stays its owner's.
template <class Container>
class Lent {
 public:
  explicit Lent(void* pointer) : container_(Container::Adopt(pointer)) {}
  ~Lent() { container_.Release(); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  const Container* operator->() const { return &container_; }
  const Container& operator*() const { return container_; }

 private:
  Container container_;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_TAGGED_WORD_H_
