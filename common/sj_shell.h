// SPDX-License-Identifier: Apache-2.0
// Words of commands that a POSIX shell is to read back as they are.
#ifndef SJ_SHELL_H
#define SJ_SHELL_H

#include <stdio.h>

// 'my trace.h5': in single quotes, where a quote within is '\''.
void sj_shell_quote(FILE *f, const char *word);

#endif
