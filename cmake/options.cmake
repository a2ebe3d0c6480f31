# SPDX-License-Identifier: BSD-3-Clause
# Compiler options and packages: everything our own code is compiled and linked with.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# TLS (src/io), and libcrypto hashes passwords (src/acl).
find_package(OpenSSL 3.0 REQUIRED)
find_library(CAIRN_LZF_LIBRARY NAMES lzf REQUIRED)

add_library(cairn_options INTERFACE)
target_include_directories(cairn_options INTERFACE
  ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(cairn_options INTERFACE Threads::Threads fmt::fmt ${CAIRN_LZF_LIBRARY}
  OpenSSL::SSL)
# Paths in CHECK texts and debug information are relative to the tree, wherever it was built.
target_compile_options(cairn_options INTERFACE
  -Wall -Wextra -Wnon-virtual-dtor -Werror
  -Wno-comment # a drawing's line may end in a backslash
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
# src/base/clock.h and the bit scans in ds want SSE4.2 and POPCNT, which every x86-64 server of the
# last fifteen years has; nothing above that is assumed.
if(CAIRN_MARCH)
  target_compile_options(cairn_options INTERFACE -march=${CAIRN_MARCH})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wrestrict errs on std::string's append at -O3 (GCC bug 105651, mended in 13).
  target_compile_options(cairn_options INTERFACE -Wshadow=local -Wno-restrict)
else()
  # libstdc++ 12's own std::stable_sort calls what C++23 deprecates.
  target_compile_options(cairn_options INTERFACE -Wshadow -Wno-deprecated-declarations)
endif()
if(CAIRN_THREAD_SAFETY)
  target_compile_options(cairn_options INTERFACE -Wthread-safety -Werror=thread-safety)
endif()
if(CAIRN_SANITIZE)
  target_compile_options(cairn_options INTERFACE
    -fsanitize=${CAIRN_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cairn_options INTERFACE -fsanitize=${CAIRN_SANITIZE})
endif()

# The sanitizers bring their own allocator, so jemalloc is for plain builds. Code that asks jemalloc
# for its statistics is inside `#ifdef CAIRN_JEMALLOC`.
if(CAIRN_JEMALLOC)
  find_library(CAIRN_JEMALLOC_LIBRARY NAMES libjemalloc_pic.a jemalloc REQUIRED)
  target_compile_definitions(cairn_options INTERFACE CAIRN_JEMALLOC=1)
endif()

# Links one of our programs with the allocator of this build. Called last, so that its malloc wins.
function(cairn_link_allocator target)
  if(CAIRN_JEMALLOC)
    target_link_libraries(${target} PRIVATE ${CAIRN_JEMALLOC_LIBRARY} ${CMAKE_DL_LIBS})
  endif()
endfunction()
