# What `cmake --install` puts where: headers, libraries, pkg-config file, CMake package, program.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/blok DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS blok_static blok_shared EXPORT blokTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(BLOK_PROGRAM)
  install(TARGETS blok RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/blok)
install(EXPORT blokTargets NAMESPACE blok:: DESTINATION ${package_folder})
configure_package_config_file(
  ${CMAKE_SOURCE_DIR}/cmake/blokConfig.cmake.in ${CMAKE_BINARY_DIR}/blokConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(
  ${CMAKE_BINARY_DIR}/blokConfigVersion.cmake VERSION ${BLOK_VERSION}
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/blokConfig.cmake ${CMAKE_BINARY_DIR}/blokConfigVersion.cmake
              ${CMAKE_SOURCE_DIR}/cmake/FindProtobufC.cmake
        DESTINATION ${package_folder})

# blok.pc finds the prefix from its own place, so that an installed tree can be moved.
file(RELATIVE_PATH BLOK_PC_TO_PREFIX
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" BLOK_PC_TO_PREFIX "${BLOK_PC_TO_PREFIX}")
set(BLOK_PC_PRIVATE "-lm -pthread")
if(BLOK_USE_OPENBLAS)
  set(BLOK_PC_PRIVATE "${BLOK_OPENBLAS_LIBRARY} ${BLOK_PC_PRIVATE}")
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/blok.pc.in ${CMAKE_BINARY_DIR}/blok.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/blok.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

function(blok_install_if_present file folder)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${file})
    install(FILES ${CMAKE_SOURCE_DIR}/${file} DESTINATION ${folder} ${ARGN})
  endif()
endfunction()
blok_install_if_present(docs/blok.1 ${CMAKE_INSTALL_MANDIR}/man1)
blok_install_if_present(tools/blok.bash-completion
                        ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME blok)
blok_install_if_present(LICENSE ${CMAKE_INSTALL_DOCDIR})
