# SPDX-License-Identifier: BSD-3-Clause
# The two Luas. CAIRN_LUA says which one src/scripting is built with; its Lua side is built and
# tested with PUC Lua 5.1 besides, wherever that is installed (bin/scripting_puc_test).

function(cairn_find_lua name folder library)
  find_path(CAIRN_${name}_INCLUDE lua.h PATH_SUFFIXES ${folder} NO_CACHE)
  find_library(CAIRN_${name}_LIBRARY NAMES ${library} NO_CACHE)
  if(CAIRN_${name}_INCLUDE AND CAIRN_${name}_LIBRARY)
    add_library(cairn_${name} INTERFACE)
    target_include_directories(cairn_${name} SYSTEM INTERFACE ${CAIRN_${name}_INCLUDE})
    target_link_libraries(cairn_${name} INTERFACE ${CAIRN_${name}_LIBRARY} m ${CMAKE_DL_LIBS})
  endif()
endfunction()

# Static: the server should not depend on which LuaJIT snapshot a machine has.
cairn_find_lua(luajit luajit-2.1 libluajit-5.1.a)
cairn_find_lua(puc lua5.1 liblua5.1.a)
if(NOT TARGET cairn_${CAIRN_LUA})
  message(FATAL_ERROR "no Lua called '${CAIRN_LUA}' here; `tools/bootstrap build` installs LuaJIT")
endif()
add_library(cairn_scripting_packages INTERFACE)
target_link_libraries(cairn_scripting_packages INTERFACE cairn_${CAIRN_LUA})

# The Lua side needs nothing above resp, so the second build of it is a few files.
function(cairn_add_puc_test)
  if(NOT TARGET cairn_puc OR NOT TARGET cairn_scripting)
    return()
  endif()
  set(folder ${CMAKE_SOURCE_DIR}/src/scripting)
  file(GLOB sources CONFIGURE_DEPENDS
    ${folder}/interpreter*.cc ${folder}/lua_*.cc ${folder}/shebang*.cc)
  cairn_add_test(scripting_puc_test SOURCES ${sources}
    LIBRARIES cairn_resp cairn_base cairn_puc)
endfunction()
