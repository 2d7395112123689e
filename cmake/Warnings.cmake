# SPDX-License-Identifier: Apache-2.0
# sj_options: what every target of ours is compiled with. Warnings are errors.
add_library(sj_options INTERFACE)
set(sj_warnings -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wdouble-promotion -Wformat=2 -Wundef -Wcast-align -Wvla -Wno-unused-parameter)
target_compile_options(sj_options INTERFACE ${sj_warnings}
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition>
  -ffp-contract=off)  # a fused multiply-add would round otherwise than the machine does
if(SJ_SANITIZE)
  target_compile_options(sj_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(sj_options INTERFACE -fsanitize=address,undefined)
endif()
if(SJ_COVERAGE)
  target_compile_options(sj_options INTERFACE --coverage -g)
  target_link_options(sj_options INTERFACE --coverage)
endif()
# -Wundef and friends stay quiet in foreign headers: they are SYSTEM includes.
