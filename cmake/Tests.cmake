# SPDX-License-Identifier: Apache-2.0
# sj_add_test(NAME name SOURCES a.c ... LIBS sj_common ... [TIMEOUT seconds] [LABELS unit] [ARGS ...]): a cmocka program run by ctest, in a folder of its own:
# tests run side by side and write files of fixed names.
function(sj_add_test)
  cmake_parse_arguments(T "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS;ARGS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE sj_options ${T_LIBS} PkgConfig::CMOCKA)
  target_compile_definitions(${T_NAME} PRIVATE SJ_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${T_NAME}.run)
  file(MAKE_DIRECTORY ${folder})
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} ${T_ARGS} WORKING_DIRECTORY ${folder})
  set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}" SKIP_RETURN_CODE 77)
endfunction()
