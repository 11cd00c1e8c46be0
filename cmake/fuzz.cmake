# One libFuzzer program fuzz_<name> for each fuzz/<name>.c.
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*.c)
blok_room_view(fuzz ${BLOK_ROOMS})
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source} ${BLOK_ALL_OBJECTS})
  target_include_directories(
    fuzz_${name} PRIVATE ${CMAKE_BINARY_DIR}/rooms/fuzz ${CMAKE_SOURCE_DIR}/include)
  target_compile_options(fuzz_${name} PRIVATE ${BLOK_WARNINGS} -Wno-missing-prototypes)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE ProtobufC::ProtobufC Threads::Threads m)
endforeach()
