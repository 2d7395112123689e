// SPDX-License-Identifier: Apache-2.0
// UTF-8 of names that users chose, for terminals.
#ifndef SJ_REPORT_UTF8_H
#define SJ_REPORT_UTF8_H

#include <stdint.h>

// The next character and how many bytes it has; a byte that begins no valid one: U+FFFD and 1. 0 at the end, with 0 bytes.
uint32_t sj_utf8_next(const char *text, int *bytes);
// A copy where each byte that is no UTF-8 is U+FFFD; caller frees. NULL without memory.
char *sj_utf8_clean(const char *text);
// A copy of valid UTF-8 as it may be shown to people: control characters, and those that turn the direction of what follows, are blanks. NULL without memory.
char *sj_utf8_printable(const char *text);
// Cells of a terminal: 0 for combining characters, 2 for wide ones.
int sj_utf8_width(const char *text);
// The start and the end with "..." between them, at most `width` (at least 3) cells; a copy where it fits. NULL without memory.
char *sj_utf8_shorten(const char *text, int width);
// The bytes at the start of text that take at most `width` cells; at least one character.
int sj_utf8_fitting(const char *text, int width);

#endif
