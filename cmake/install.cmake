# SPDX-License-Identifier: BSD-3-Clause
# What `cmake --install` and CPack take: the programs (component server), and the toolkit with its
# headers, two archives, a CMake package and pkg-config files (component dev).
#
# libcairn.a is all that a Store needs, from base up to the embedded engine, and the toolkit's
# folders but sql, which is libcairn_sql.a, since it wants SQLite and libpq.
# `ninja archives` makes both, without debug information.

# Not Debian's folder of one architecture: the same in a package as below /usr/local.
set(CMAKE_INSTALL_LIBDIR lib CACHE PATH "where archives go, below the prefix")
include(GNUInstallDirs)
file(STRINGS ${CMAKE_SOURCE_DIR}/src/server/version.h CAIRN_VERSION REGEX "kCairnVersion")
string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" CAIRN_VERSION "${CAIRN_VERSION}")

# lib<name>.a of the objects of some libraries.
function(cairn_add_archive name)
  set(archive ${CMAKE_BINARY_DIR}/archives/lib${name}.a)
  set(script "CREATE ${archive}\n")
  foreach(library IN LISTS ARGN)
    string(APPEND script "ADDLIB $<TARGET_FILE:${library}>\n")
  endforeach()
  file(GENERATE OUTPUT ${archive}.mri CONTENT "${script}SAVE\nEND\n")
  add_custom_command(OUTPUT ${archive}
    COMMAND sh -c "\"$1\" -M <\"$2\"" sh ${CMAKE_AR} ${archive}.mri
    COMMAND ${CMAKE_STRIP} --strip-debug ${archive}
    DEPENDS ${ARGN} ${archive}.mri VERBATIM)
  set_property(GLOBAL APPEND PROPERTY CAIRN_ARCHIVES ${archive})
  install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
endfunction()

get_target_property(store_libraries cairn_store LINK_LIBRARIES)
list(FILTER store_libraries INCLUDE REGEX "^cairn_")
list(FILTER store_libraries EXCLUDE REGEX "_(options|packages)$")
set(toolkit_libraries ${CAIRN_TOOLKIT_LIBRARIES})
list(REMOVE_ITEM toolkit_libraries cairn_toolkit_sql ${store_libraries})
cairn_add_archive(cairn ${toolkit_libraries} ${store_libraries})
cairn_add_archive(cairn_sql cairn_toolkit_sql)
get_property(archives GLOBAL PROPERTY CAIRN_ARCHIVES)
add_custom_target(archives ALL DEPENDS ${archives})
# tests/package installs and uses them.
add_dependencies(test_programs archives)

# What the archives want from the system, as a linker's flags: for CMake and pkg-config alike.
set(CAIRN_LINK_FLAGS -l:libluajit-5.1.a -lm -llzf -lfmt -lssl -lcrypto)
foreach(name ZSTD LZ4)
  if(CAIRN_${name}_LIBRARY)
    string(TOLOWER ${name} library)
    list(APPEND CAIRN_LINK_FLAGS -l${library})
  endif()
endforeach()
if(CAIRN_JEMALLOC)
  list(APPEND CAIRN_LINK_FLAGS -ljemalloc)
endif()
list(APPEND CAIRN_LINK_FLAGS -ldl -pthread)
list(JOIN CAIRN_LINK_FLAGS " " CAIRN_LINK_LINE)

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)
configure_package_config_file(cmake/cairn-config.cmake.in ${CMAKE_BINARY_DIR}/cairn-config.cmake
  INSTALL_DESTINATION ${package_folder} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cairn-config-version.cmake
  VERSION ${CAIRN_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cairn-config.cmake ${CMAKE_BINARY_DIR}/cairn-config-version.cmake
  DESTINATION ${package_folder} COMPONENT dev)
foreach(name cairn cairn-sql cairn-http)
  configure_file(cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/cairn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT dev)
install(TARGETS cairn-server cairn-check RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  COMPONENT server)

install(FILES ${CMAKE_SOURCE_DIR}/LICENSE RENAME copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/cairn COMPONENT server)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE RENAME copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcairn-dev COMPONENT dev)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples DESTINATION
  ${CMAKE_INSTALL_DATADIR}/doc/libcairn-dev COMPONENT dev PATTERN CMakeLists.txt EXCLUDE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/toolkit DESTINATION
  ${CMAKE_INSTALL_DATADIR}/doc/libcairn-dev COMPONENT dev)

# `cpack --config build/release/CPackConfig.cmake`: cairn and libcairn-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cairn)
set(CPACK_PACKAGE_VERSION ${CAIRN_VERSION})
set(CPACK_PACKAGE_CONTACT "The Cairn authors <cairn@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL server dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip) # a third of xz's time
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME cairn)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_SERVER_DESCRIPTION "caching data store that speaks Redis")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libcairn-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libc6-dev, libfmt-dev, libjemalloc-dev, liblz4-dev, \
liblzf-dev, libluajit-5.1-dev, libpq-dev, libsqlite3-dev, libssl-dev (>= 3.0), libzstd-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libcpp-httplib-dev") # cairn/http/httplib.h
set(CPACK_COMPONENT_DEV_DESCRIPTION "C++ cache toolkit: in process or over the wire")
include(CPack)
