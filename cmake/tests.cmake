# The tests. Files are found by their folder and name:
#   tests/unit/<room>/test_x.c   a Check suite `Suite *suite_x(void)` of the program test_<room>, which
#                                links only the rooms that the room may see
#   tests/{ops,blocks,roundtrip,kernels}/test_x.c   the same across rooms
#   tests/nets/                  graphs for the tests of blocks/ and runtime/
#   tests/api/test_x.c           the same against the shared library and the public headers only
#   tests/cli/x.sh               run by bash with BLOK=the program; tests/cli/lib.sh is for sourcing
#   tests/checks/*               scripts that check the house itself
find_program(BLOK_BASH bash)
find_program(BLOK_PYTHON NAMES python3)
find_path(CHECK_INCLUDE_DIR check.h)
find_library(CHECK_LIBRARY NAMES check_pic check)
find_library(SUBUNIT_LIBRARY NAMES subunit)
mark_as_advanced(BLOK_BASH BLOK_PYTHON CHECK_INCLUDE_DIR CHECK_LIBRARY SUBUNIT_LIBRARY)

set(BLOK_TEST_ENVIRONMENT
    "ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "CK_DEFAULT_TIMEOUT=60"
    "LC_ALL=C.UTF-8")

# blok_add_test(<name> <seconds> <command>...): 77 as exit status says "skipped".
function(blok_add_test name seconds)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(
    ${name} PROPERTIES TIMEOUT ${seconds} SKIP_RETURN_CODE 77
                       ENVIRONMENT "${BLOK_TEST_ENVIRONMENT}")
endfunction()

# ---- Check suites -----------------------------------------------------------------------------
# blok_suite_program(<name> <folder>): makes the program and the test <name> of <folder>/test_*.c and
# the helpers beside them; does nothing for an empty folder. Sets <name>_MADE.
function(blok_suite_program name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  set(declarations)
  set(additions)
  foreach(source ${sources})
    get_filename_component(stem ${source} NAME_WE)
    if(stem MATCHES "^test_(.*)$")
      string(APPEND declarations "Suite *suite_${CMAKE_MATCH_1}(void);\n")
      string(APPEND additions "  srunner_add_suite(runner, suite_${CMAKE_MATCH_1}());\n")
    endif()
  endforeach()
  set(${name}_MADE OFF PARENT_SCOPE)
  if(NOT declarations)
    return()
  endif()
  set(${name}_MADE ON PARENT_SCOPE)
  configure_file(${CMAKE_SOURCE_DIR}/tests/support/main.c.in
                 ${CMAKE_BINARY_DIR}/tests/${name}_main.c @ONLY)
  add_executable(${name} ${sources} ${CMAKE_BINARY_DIR}/tests/${name}_main.c
                         $<TARGET_OBJECTS:blok_test_support>)
  target_compile_options(
    ${name} PRIVATE ${BLOK_WARNINGS} -Wno-missing-prototypes -Wno-float-conversion)
  target_compile_definitions(${name} PRIVATE BLOK_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/include)
  target_include_directories(${name} SYSTEM PRIVATE ${CHECK_INCLUDE_DIR})
  target_link_libraries(${name} PRIVATE ${CHECK_LIBRARY})
  if(SUBUNIT_LIBRARY)
    target_link_libraries(${name} PRIVATE ${SUBUNIT_LIBRARY})
  endif()
  target_link_libraries(${name} PRIVATE Threads::Threads rt m)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  blok_add_test(${name} 600 ${name})
endfunction()

# The same, linked with the room, the rooms it sees and those they need.
function(blok_room_suite name folder room)
  blok_suite_program(${name} ${folder})
  if(NOT ${name}_MADE)
    return()
  endif()
  blok_room_closure(${room} rooms)
  blok_room_objects(objects ${rooms})
  blok_room_view(${name} ${rooms})
  target_sources(${name} PRIVATE ${objects})
  target_include_directories(${name} PRIVATE ${CMAKE_BINARY_DIR}/rooms/${name})
  if("proto" IN_LIST rooms)
    target_link_libraries(${name} PRIVATE ProtobufC::ProtobufC)
  endif()
  if("runtime" IN_LIST rooms AND BLOK_USE_OPENBLAS)
    target_link_libraries(${name} PRIVATE ${BLOK_OPENBLAS_LIBRARY} m)
  endif()
endfunction()

if(CHECK_INCLUDE_DIR AND CHECK_LIBRARY)
  file(GLOB support_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
  add_library(blok_test_support OBJECT ${support_sources})
  target_compile_options(blok_test_support PRIVATE ${BLOK_WARNINGS})
  target_include_directories(
    blok_test_support PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/include)
  target_include_directories(blok_test_support SYSTEM PRIVATE ${CHECK_INCLUDE_DIR})
  set_target_properties(blok_test_support PROPERTIES POSITION_INDEPENDENT_CODE ON)

  foreach(room ${BLOK_ROOMS})
    blok_room_suite(test_${room} tests/unit/${room} ${room})
  endforeach()
  foreach(program test_blocks test_codegen test_runtime)
    if(TARGET ${program})
      target_sources(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests/nets/net.c)
    endif()
  endforeach()
  blok_room_suite(test_ops tests/ops reference)
  blok_room_suite(test_blocks_all tests/blocks api)
  blok_room_suite(test_roundtrip tests/roundtrip api)
  blok_room_suite(test_kernels tests/kernels runtime)

  blok_suite_program(test_public tests/api)
  if(test_public_MADE)
    target_link_libraries(test_public PRIVATE blok_shared)
  endif()
else()
  message(STATUS "Check was not found: no unit tests (install the package check)")
endif()

# ---- The program ------------------------------------------------------------------------------
if(BLOK_PROGRAM AND BLOK_BASH AND NOT CMAKE_CROSSCOMPILING)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cli/*.sh)
  foreach(script ${scripts})
    get_filename_component(stem ${script} NAME_WE)
    if(NOT stem STREQUAL "lib")
      blok_add_test(cli_${stem} 300 ${BLOK_BASH} ${script})
      set_property(TEST cli_${stem} APPEND PROPERTY ENVIRONMENT "BLOK=$<TARGET_FILE:blok>")
    endif()
  endforeach()
endif()

# ---- Fuzz seeds: every stored file once through every fuzz target -------------------------------
if(NOT BLOK_FUZZ)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*.c)
  if(fuzz_sources)
    blok_room_view(fuzz ${BLOK_ROOMS})
  endif()
  foreach(source ${fuzz_sources})
    get_filename_component(stem ${source} NAME_WE)
    add_executable(replay_${stem} ${source} tests/checks/replay.c ${BLOK_ALL_OBJECTS})
    target_include_directories(
      replay_${stem} PRIVATE ${CMAKE_BINARY_DIR}/rooms/fuzz ${CMAKE_SOURCE_DIR}/include)
    target_compile_options(replay_${stem} PRIVATE ${BLOK_WARNINGS} -Wno-missing-prototypes)
    target_link_libraries(replay_${stem} PRIVATE ProtobufC::ProtobufC Threads::Threads)
    if(BLOK_USE_OPENBLAS)
      target_link_libraries(replay_${stem} PRIVATE ${BLOK_OPENBLAS_LIBRARY})
    endif()
    target_link_libraries(replay_${stem} PRIVATE m)
    set_target_properties(
      replay_${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    blok_add_test(replay_${stem} 300 replay_${stem} tests/data)
  endforeach()
endif()

# ---- What a run asks of the system --------------------------------------------------------------
# Not under the sanitizers, which have a malloc and calls of their own.
if(BLOK_BASH AND NOT CMAKE_CROSSCOMPILING AND NOT BLOK_SANITIZE AND NOT BLOK_FUZZ)
  add_executable(quiet_run tests/checks/quiet_run.c)
  target_compile_options(quiet_run PRIVATE ${BLOK_WARNINGS} -Wno-missing-prototypes)
  target_link_libraries(quiet_run PRIVATE blok_shared)
  set_target_properties(quiet_run PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  blok_add_test(check_quiet_run 120 ${BLOK_BASH} tests/checks/quiet_run.sh
                $<TARGET_FILE:quiet_run>)
endif()

# ---- What a program that only builds and runs is made of -----------------------------------------
# Linked by hand, without protobuf: a library of it would be pulled in by the archive's own needs.
if(BLOK_BASH AND NOT CMAKE_CROSSCOMPILING AND NOT BLOK_SANITIZE AND NOT BLOK_FUZZ)
  add_executable(built_model tests/checks/built_model.c)
  add_dependencies(built_model blok_static)
  target_compile_options(built_model PRIVATE ${BLOK_WARNINGS} -Wno-missing-prototypes)
  target_include_directories(built_model PRIVATE ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(built_model PRIVATE $<TARGET_FILE:blok_static> Threads::Threads)
  if(BLOK_USE_OPENBLAS)
    target_link_libraries(built_model PRIVATE ${BLOK_OPENBLAS_LIBRARY})
  endif()
  target_link_libraries(built_model PRIVATE m)
  set_target_properties(
    built_model PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                           LINK_DEPENDS $<TARGET_FILE:blok_static>)
  blok_add_test(check_no_protobuf 120 ${BLOK_BASH} tests/checks/no_protobuf.sh
                $<TARGET_FILE:built_model>)
endif()

# ---- The house itself -------------------------------------------------------------------------
if(BLOK_PYTHON AND NOT CMAKE_CROSSCOMPILING)
  blok_add_test(check_includes 60 ${BLOK_PYTHON} tests/checks/includes.py)
  blok_add_test(check_length 60 ${BLOK_PYTHON} tests/checks/length.py)
  blok_add_test(check_blocks_docs 60 ${BLOK_PYTHON} tests/checks/blocks_docs.py)
  blok_add_test(check_bench 120 ${BLOK_PYTHON} tests/checks/bench.py ${CMAKE_C_COMPILER})
  blok_add_test(check_generated 120 ${BLOK_PYTHON} tests/checks/generated.py)
  blok_add_test(check_symbols 60 ${BLOK_PYTHON} tests/checks/symbols.py
                $<TARGET_FILE:blok_static> $<TARGET_FILE:blok_shared>)
  if(BLOK_PROGRAM AND NOT BLOK_SANITIZE)
    blok_add_test(check_html_page 300 ${BLOK_PYTHON} tests/checks/html_page.py $<TARGET_FILE:blok>
                  ${CMAKE_BINARY_DIR}/html)
  endif()
  set(sanitize_flags)
  if(BLOK_SANITIZE)
    set(sanitize_flags -fsanitize=${BLOK_SANITIZE})
  endif()
  blok_add_test(check_readme 120 ${BLOK_PYTHON} tests/checks/readme.py $<TARGET_FILE:blok_shared>
                ${CMAKE_C_COMPILER} ${sanitize_flags})
  if(BLOK_PROGRAM)
    blok_add_test(check_examples 300 ${BLOK_PYTHON} tests/checks/examples.py $<TARGET_FILE:blok>
                  $<TARGET_FILE:blok_shared> ${CMAKE_C_COMPILER} ${sanitize_flags})
    blok_add_test(check_tutorial 300 ${BLOK_PYTHON} tests/checks/tutorial.py $<TARGET_FILE:blok>
                  $<TARGET_FILE:blok_shared> ${CMAKE_C_COMPILER} ${sanitize_flags})
  endif()
endif()
if(BLOK_BASH AND NOT CMAKE_CROSSCOMPILING)
  blok_add_test(check_headers 120 ${BLOK_BASH} tests/checks/headers.sh ${CMAKE_C_COMPILER})
  if(NOT BLOK_SANITIZE AND NOT BLOK_FUZZ)
    blok_add_test(check_package 300 ${BLOK_BASH} tests/checks/package.sh ${CMAKE_BINARY_DIR}
                  ${CMAKE_COMMAND} ${CMAKE_C_COMPILER})
  endif()
endif()
