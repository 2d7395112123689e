// SPDX-License-Identifier: Apache-2.0
// How much memory is left, so that a run which cannot fit says so before it starts.
#ifndef SJ_MEMORY_H
#define SJ_MEMORY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes that this process can still take: the smallest of MemAvailable in /proc/meminfo and, of its memory cgroup and all groups above it (version 1 and 2), limit - (usage - inactive
// file pages, which the kernel gives back). 0 where a group is over its limit, -1 where nothing tells. root: "" for this machine; a test's own tree, which stands before "/proc" and "/sys".
int64_t sj_memory_available_bytes(const char *root);

#ifdef __cplusplus
}
#endif
#endif
