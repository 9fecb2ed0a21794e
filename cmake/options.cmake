# Compiler options of our own targets. Users of the installed libraries get one of them: fp32 is
# defined bit by bit, so the compiler may neither contract a*b+c nor reorder, in the inline
# functions of our headers too (the linker keeps one copy of each, and it may be the user's).
add_library(jetcal_options INTERFACE)
target_include_directories(jetcal_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/jetcal>)
target_compile_features(jetcal_options INTERFACE cxx_std_20)
target_compile_options(jetcal_options INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-ffp-contract=off>
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-ffp-contract=off>)
# g++ 12 forgets roundings: of two neighbours double(float(a)), double(float(b)) its vectorizer of
# straight-line code makes one vector conversion there and back, which it then takes for nothing
# (x86-64, from -O2 on). A test in tests/kernels/elementary_test.cpp fails where that happens.
target_compile_options(jetcal_options INTERFACE $<$<COMPILE_LANG_AND_ID:C,GNU>:-fno-tree-slp-vectorize>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-tree-slp-vectorize>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<CXX_COMPILER_ID:GNU>>:-Xcompiler=-fno-tree-slp-vectorize>)

set(jetcal_warnings "")
set(jetcal_cuda_warnings "")
if(JETCAL_DEV)
  set(jetcal_cuda_warnings -Xcompiler=-Wall,-Wextra)
  # -Wrestrict: g++ 12 sees overlaps in std::string's operator+ that are not there (GCC PR105329).
  set(jetcal_warnings -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-restrict -Wnon-virtual-dtor)
  # Other compilers warn about other things: there a warning stays one.
  if(JETCAL_WERROR STREQUAL "ON" OR (JETCAL_WERROR STREQUAL "AUTO" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU"
     AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12 AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13))
    list(APPEND jetcal_warnings -Werror)
    list(APPEND jetcal_cuda_warnings -Werror=all-warnings -Xcompiler=-Werror)
  endif()
endif()
target_compile_options(jetcal_options INTERFACE
  "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:C,CXX>:${jetcal_warnings}>>"
  "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:${jetcal_cuda_warnings}>>")
# Uncompressed PTX with line numbers: what the tests' emulator reads.
target_compile_options(jetcal_options INTERFACE
  "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-lineinfo;-no-compress>>")
if(JETCAL_SANITIZE)
  # The host code of .cu files is not instrumented: nvcc's own stubs are not clean.
  set(jetcal_sanitize -fsanitize=${JETCAL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(jetcal_options INTERFACE
    "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:C,CXX>:${jetcal_sanitize}>>")
  target_link_options(jetcal_options INTERFACE $<BUILD_INTERFACE:-fsanitize=${JETCAL_SANITIZE}>)
endif()

# jetcal_library(name SOURCES ... DEPENDS ...): one static library a folder, jetcal::name to users.
function(jetcal_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(jetcal_${name} STATIC ${ARG_SOURCES})
  add_library(jetcal::${name} ALIAS jetcal_${name})
  set_target_properties(jetcal_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(jetcal_${name} PUBLIC jetcal_options ${ARG_DEPENDS})
endfunction()

# jetcal_test(name SOURCES ... DEPENDS ... [LABELS ...] [EMULATED]): one Catch2 program a folder, one
# ctest entry a test case, labelled `slow` if the case has the tag [slow] and `fast` otherwise.
# EMULATED: CUDA runs on the emulator (tests/emulator) in place of NVIDIA's runtime; label `cuda`.
# Without nvcc there is one entry, which is skipped.
# Cases of one program run one after the other: they may share a scratch folder.
function(jetcal_test name)
  cmake_parse_arguments(ARG "EMULATED" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(ARG_EMULATED AND NOT jetcal_cuda)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: there is no nvcc here")
    set_tests_properties(${name} PROPERTIES LABELS "fast;cuda" SKIP_REGULAR_EXPRESSION "skipped: ")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  add_dependencies(unit_tests ${name})
  target_link_libraries(${name} PRIVATE jetcal_test_main ${ARG_DEPENDS})
  set(environment "")
  if(ARG_EMULATED)
    add_dependencies(${name} cuda_emulator)
    target_include_directories(${name} SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
    set(environment --environment LD_LIBRARY_PATH=$<TARGET_FILE_DIR:cuda_emulator>)
    list(APPEND ARG_LABELS cuda)
  endif()
  set(list_file ${CMAKE_CURRENT_BINARY_DIR}/${name}_cases.cmake)
  add_custom_command(TARGET ${name} POST_BUILD BYPRODUCTS ${list_file}
    COMMAND ${JETCAL_PYTHON} ${PROJECT_SOURCE_DIR}/tests/discover.py ${environment}
            ${name} $<TARGET_FILE:${name}> ${list_file} ${Catch2_VERSION} ${ARG_LABELS}
    VERBATIM)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}_include.cmake)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}_include.cmake
    "if(EXISTS \"${list_file}\")\n  include(\"${list_file}\")\nelse()\n  add_test(${name}_NOT_BUILT ${name}_NOT_BUILT)\nendif()\n")
endfunction()
