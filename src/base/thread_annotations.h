// SPDX-License-Identifier: BSD-3-Clause
// Names for clang's thread-safety attributes; empty under other compilers.
//
// `make check` compiles the tree with clang -Werror=thread-safety, so an annotated field touched
// without its lock does not build.
//   GUARDED_BY(mu)  the field is touched only with mu held      REQUIRES(mu)  the caller holds mu
//   ACQUIRE/RELEASE the function takes or gives back a lock      CAPABILITY    the class is a lock
#ifndef CAIRN_BASE_THREAD_ANNOTATIONS_H_
#define CAIRN_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define CAIRN_ATTRIBUTE(x) __attribute__((x))
#else
#define CAIRN_ATTRIBUTE(x)
#endif

#define CAPABILITY(name) CAIRN_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY CAIRN_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) CAIRN_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) CAIRN_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) CAIRN_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) CAIRN_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) CAIRN_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) CAIRN_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS CAIRN_ATTRIBUTE(no_thread_safety_analysis)

#endif  // CAIRN_BASE_THREAD_ANNOTATIONS_H_
