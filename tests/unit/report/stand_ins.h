// SPDX-License-Identifier: Apache-2.0
#ifndef STAND_INS_H
#define STAND_INS_H

// sj_cli_interrupted answers so many times that nothing was, then once that a signal came; -1: never.
extern int test_interrupt_after;

#endif
