// SPDX-License-Identifier: Apache-2.0
// Formats: proc(5); Linux's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
#include "sj_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 4096 };

typedef struct cgroup_files {
    const char *mount, *limit, *usage, *inactive;  // inactive: the word in memory.stat
} cgroup_files;

static const cgroup_files version1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
static const cgroup_files version2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

// The number behind `word` at a line's beginning ("" for a file that is one number); -1 when there is none, or it is "max".
static int64_t read_number(const char *path, const char *word) {
    char line[LINE_BYTES];
    int64_t number = -1;
    const size_t length = strlen(word);
    FILE *f = fopen(path, "r");
    while (f != NULL && number < 0 && fgets(line, sizeof line, f) != NULL) {
        char *end;
        if (strncmp(line, word, length) == 0 && (length == 0 || line[length] == ' ' || line[length] == ':')) {
            const char *digits = line + length + strspn(line + length, ": \t");
            errno = 0;
            const long long value = strtoll(digits, &end, 10);
            number = end != digits && value >= 0 && errno == 0 ? value : -1;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return number;
}

// The file `name` of the group; false where the path is too long.
static bool file_of(const char *root, const cgroup_files *files, const char *group, const char *name, char path[PATH_BYTES]) {
    const int length = snprintf(path, PATH_BYTES, "%s%s%s/%s", root, files->mount, group, name);
    return length > 0 && length < PATH_BYTES;
}

static int64_t left_in_group(const char *root, const cgroup_files *files, const char *group) {
    char path[PATH_BYTES];
    const int64_t limit = file_of(root, files, group, files->limit, path) ? read_number(path, "") : -1;
    const int64_t usage = limit >= 0 && file_of(root, files, group, files->usage, path) ? read_number(path, "") : -1;
    if (limit < 0 || usage < 0) {
        return -1;
    }
    int64_t inactive = file_of(root, files, group, "memory.stat", path) ? read_number(path, files->inactive) : 0;
    inactive = inactive < 0 ? 0 : inactive > usage ? usage : inactive;
    const int64_t used = usage - inactive;
    return used < limit ? limit - used : 0;
}

static int64_t smaller(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

// The group and all above it. A container may see its own group as the root of the mount, whatever its path says: what is not there is passed over.
static int64_t left_in_groups(const char *root, const cgroup_files *files, char *group) {
    int64_t left = -1;
    for (size_t length = strlen(group); length > 0 && group[length - 1] == '/'; length--) {
        group[length - 1] = '\0';
    }
    for (;;) {
        left = smaller(left, left_in_group(root, files, group));
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return left;
        }
        *slash = '\0';
    }
}

// A line "number:controllers:path" of /proc/self/cgroup; version 2 has no controllers.
static int64_t left_in_line(const char *root, char *line) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL) {
        return -1;
    }
    *group++ = '\0';
    if (*++controllers == '\0') {
        return left_in_groups(root, &version2, group);
    }
    for (char *rest = controllers, *word; (word = strsep(&rest, ",")) != NULL;) {
        if (strcmp(word, "memory") == 0) {
            return left_in_groups(root, &version1, group);
        }
    }
    return -1;
}

int64_t sj_memory_available_bytes(const char *root) {
    char path[PATH_BYTES], line[LINE_BYTES];
    if (snprintf(path, sizeof path, "%s/proc/meminfo", root) >= PATH_BYTES) {
        return -1;
    }
    const int64_t kibibytes = read_number(path, "MemAvailable");
    int64_t left = kibibytes >= 0 && kibibytes <= INT64_MAX / 1024 ? kibibytes * 1024 : -1;
    (void)snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        left = smaller(left, left_in_line(root, line));
    }
    if (f != NULL) {
        fclose(f);
    }
    return left;
}
