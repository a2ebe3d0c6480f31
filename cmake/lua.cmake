# SPDX-License-Identifier: BSD-3-Clause
# The two Luas. CAIRN_LUA says which one src/scripting is built with. Wherever PUC Lua 5.1 is there,
# too, its Lua side is tested with that besides (bin/scripting_puc_test), and there is a server with
# it (bin/puc/cairn-server, for tests/lua).

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

# The server's own libraries, but src/scripting compiled anew: objects and PUC's library come first,
# so nothing of cairn_scripting and of LuaJIT is wanted any more. tests/lua asks it who it is.
function(cairn_add_puc_server)
  if(NOT TARGET cairn_puc OR NOT TARGET cairn_scripting OR CAIRN_LUA STREQUAL "puc")
    return()
  endif()
  cairn_folder_sources(scripting sources)
  add_executable(cairn_server_puc ${CMAKE_SOURCE_DIR}/src/apps/cairn_server.cc ${sources})
  set_target_properties(cairn_server_puc PROPERTIES
    OUTPUT_NAME cairn-server RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/puc)
  target_link_libraries(cairn_server_puc PRIVATE cairn_puc ${CAIRN_LIBRARIES} cairn_options)
  cairn_link_allocator(cairn_server_puc)
  add_dependencies(test_programs cairn_server_puc)
endfunction()
