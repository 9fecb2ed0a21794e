# Compiler options shared by every target of ours (and by nothing of our users').
add_library(jetcal_options INTERFACE)
target_include_directories(jetcal_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
# fp32 is defined bit by bit: the compiler may neither contract a*b+c nor reorder.
target_compile_options(jetcal_options INTERFACE -ffp-contract=off)
if(JETCAL_DEV)
  target_compile_options(jetcal_options INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror)
endif()
if(JETCAL_SANITIZE)
  target_compile_options(jetcal_options INTERFACE -fsanitize=${JETCAL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(jetcal_options INTERFACE -fsanitize=${JETCAL_SANITIZE})
endif()

# jetcal_library(name SOURCES ... DEPENDS ...): one static library a folder.
function(jetcal_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(jetcal_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(jetcal_${name} PUBLIC jetcal_options ${ARG_DEPENDS})
endfunction()

# jetcal_test(name SOURCES ... DEPENDS ... [LABELS ...]): one Catch2 program a folder, one ctest entry a program.
function(jetcal_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE jetcal_test_main ${ARG_DEPENDS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
endfunction()
