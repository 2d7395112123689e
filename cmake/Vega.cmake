# SPDX-License-Identifier: Apache-2.0
# The charts of HTML reports: Debian's libjs-vega, a file a module. Sets SJ_VEGA_DIR, empty where it is not installed; -DSJ_VEGA=OFF leaves it out.
option(SJ_VEGA "charts in HTML reports, with Vega" ON)
set(SJ_VEGA_MODULES vega-util vega-format vega-time vega-loader vega-dataflow vega-statistics vega-scale vega-canvas vega-scenegraph vega-expression vega-event-selector vega-selections
  vega-functions vega-runtime vega-parser vega-view vega-transforms vega-view-transforms vega-encode vega-label vega-interpreter)
find_path(SJ_VEGA_DIR vega-runtime.min.js PATHS /usr/share/javascript/vega NO_DEFAULT_PATH)
if(SJ_VEGA AND SJ_VEGA_DIR)
  execute_process(COMMAND dpkg-query -W "-f=\${Version}" libjs-vega OUTPUT_VARIABLE SJ_VEGA_VERSION ERROR_QUIET RESULT_VARIABLE known)
  if(NOT known EQUAL 0)
    set(SJ_VEGA_VERSION 5)
  endif()
  message(STATUS "HTML reports: on, with Vega ${SJ_VEGA_VERSION} from ${SJ_VEGA_DIR}")
else()
  message(STATUS "HTML reports: off (they need Debian's libjs-vega, and SJ_VEGA=ON)")
endif()

# sj_bundle_vega(FILE): makes the script at build time.
function(sj_bundle_vega output)
  list(JOIN SJ_VEGA_MODULES "," modules)
  string(REPLACE "vega-selections" "vega-selection" files "${SJ_VEGA_MODULES}")  # its file's name
  list(TRANSFORM files PREPEND ${SJ_VEGA_DIR}/)
  list(TRANSFORM files APPEND .min.js)
  set(notices ${CMAKE_SOURCE_DIR}/report/page/notices.txt)
  add_custom_command(OUTPUT ${output} DEPENDS ${CMAKE_SOURCE_DIR}/cmake/VegaBundle.cmake ${notices} ${files} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DVEGA=${SJ_VEGA_DIR} -DMODULES=${modules} -DNOTICES=${notices} "-DVERSION=${SJ_VEGA_VERSION}" -DOUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/VegaBundle.cmake)
endfunction()
