# Finds protobuf-c's run-time library: ProtobufC_FOUND, PROTOBUF_C_INCLUDE_DIR and the imported
# target ProtobufC::ProtobufC. Installed with Blok, whose static library needs it.
find_path(PROTOBUF_C_INCLUDE_DIR protobuf-c/protobuf-c.h)
find_library(PROTOBUF_C_LIBRARY protobuf-c)
mark_as_advanced(PROTOBUF_C_INCLUDE_DIR PROTOBUF_C_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  ProtobufC REQUIRED_VARS PROTOBUF_C_LIBRARY PROTOBUF_C_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libprotobuf-c-dev, or your system's package of protobuf-c")

if(ProtobufC_FOUND AND NOT TARGET ProtobufC::ProtobufC)
  add_library(ProtobufC::ProtobufC UNKNOWN IMPORTED)
  set_target_properties(
    ProtobufC::ProtobufC
    PROPERTIES IMPORTED_LOCATION "${PROTOBUF_C_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${PROTOBUF_C_INCLUDE_DIR}")
endif()
