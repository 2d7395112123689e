# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=dir -DOUTPUT=file -P Amalgamate.cmake: one file that includes all .cpp files of a Verilated model, whose names are not known beforehand.
file(GLOB sources ${FOLDER}/*.cpp)
list(SORT sources)
set(text "")
foreach(source ${sources})
  string(APPEND text "#include \"${source}\"\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
