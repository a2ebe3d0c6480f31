# SPDX-License-Identifier: BSD-3-Clause
# ccache and mold, when the machine has them. Included before project().

find_program(CAIRN_CCACHE ccache)
if(CAIRN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # base_dir and hash_dir=false let two checkouts of the tree share their cache;
  # -ffile-prefix-map (options.cmake) keeps the paths in the objects right all the same.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CAIRN_CCACHE})
endif()

find_program(CAIRN_MOLD mold)
if(CAIRN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
