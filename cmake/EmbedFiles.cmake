# SPDX-License-Identifier: Apache-2.0
# sj_embed_files(SYMBOL OUTPUT.S FILES...): an assembler file with an array of {name, first byte, byte behind the last} by that symbol, a row of NULLs at its end. Files are read when it is assembled.
function(sj_embed_files symbol output)
  set(table "")
  set(content "")
  set(index 0)
  foreach(file ${ARGN})
    get_filename_component(name ${file} NAME)
    string(APPEND content "name_${index}: .asciz \"${name}\"\ndata_${index}: .incbin \"${file}\"\nend_${index}: .byte 0\n")
    string(APPEND table ".balign 8\n.quad name_${index}, data_${index}, end_${index}\n")
    math(EXPR index "${index} + 1")
  endforeach()
  file(GENERATE OUTPUT ${output} CONTENT
    ".section .rodata\n${content}.section .data.rel.ro, \"aw\"\n.balign 8\n.globl ${symbol}\n.type ${symbol}, %object\n${symbol}:\n${table}.quad 0, 0, 0\n.size ${symbol}, . - ${symbol}\n.section .note.GNU-stack, \"\", %progbits\n")
  set_source_files_properties(${output} PROPERTIES GENERATED TRUE OBJECT_DEPENDS "${ARGN}")
endfunction()
