# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=dir -DOUTPUT=file -P Amalgamate.cmake: one file that includes all .cpp files of a Verilated model, whose names are not known beforehand.
# The functions *_sixteen_lanes, which hold nearly all of the arithmetic, and those that move whole vectors are compiled twice, for AVX2 and for any x86-64; the
# C library picks one when the program starts. (Not for AVX-512: GCC 12 scatters there, which is slower.)
file(GLOB sources ${FOLDER}/*.cpp)
list(SORT sources)
set(text "#if defined(__x86_64__) && defined(__gnu_linux__)\n#define SJ_LANE_CLONES __attribute__((target_clones(\"avx2\", \"default\")))\n#else\n#define SJ_LANE_CLONES\n#endif\n")
foreach(source ${sources})
  file(READ ${source} model)
  string(REGEX REPLACE "\nvoid ([A-Za-z0-9_]+::__VnoInFunc_[a-z]+_sixteen_lanes)" "\nSJ_LANE_CLONES void \\1" marked "${model}")
  string(REGEX REPLACE "\nVL_INLINE_OPT void ([A-Za-z0-9_]+___(nba|ico)_)" "\nSJ_LANE_CLONES void \\1" marked "${marked}")
  if(NOT marked STREQUAL model)
    file(WRITE ${source} "${marked}")
  endif()
  string(APPEND text "#include \"${source}\"\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
