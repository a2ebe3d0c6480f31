// SPDX-License-Identifier: BSD-3-Clause
// A value's bytes at any address, as the processor has them.
#ifndef CAIRN_BASE_LOAD_STORE_H_
#define CAIRN_BASE_LOAD_STORE_H_

#include <cstring>

namespace cairn {

template <class T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <class T>
void Store(char* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace cairn

#endif  // CAIRN_BASE_LOAD_STORE_H_
