// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

bench_time bench_now(void) {
    struct rusage used;
    struct timespec wall;
    getrusage(RUSAGE_SELF, &used);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    return (bench_time){seconds(used.ru_utime) + seconds(used.ru_stime), (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec};
}

bench_time bench_since(bench_time start) {
    const bench_time now = bench_now();
    return (bench_time){now.cpu_seconds - start.cpu_seconds, now.wall_seconds - start.wall_seconds};
}

// The first line of a file (of a command's output) that begins with `key`, what stands behind the colon; "?" where there is none.
static void find_line(FILE *from, const char *key, char out[128]) {
    char line[512];
    snprintf(out, 128, "?");
    while (from != NULL && fgets(line, sizeof line, from) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *text = strchr(line, ':');
            text = text != NULL && key[0] != '\0' ? text + 1 : line;
            text += strspn(text, " \t");
            snprintf(out, 128, "%.*s", (int)strcspn(text, "\n"), text);
            return;
        }
    }
}

void bench_print_machine(void) {
    char commit[128], cpu[128], load[128];
    FILE *git = popen("git -C " SJ_SOURCE_DIR " describe --always --dirty --exclude '*' 2>/dev/null", "r");
    FILE *info = fopen("/proc/cpuinfo", "r");
    FILE *loads = fopen("/proc/loadavg", "r");
    find_line(git, "", commit);
    find_line(info, "model name", cpu);
    find_line(loads, "", load);
    printf("commit %s, load %.14s, %s, %d threads\n", commit, load, cpu, omp_get_max_threads());
    if (git != NULL) {
        pclose(git);
    }
    if (info != NULL) {
        fclose(info);
    }
    if (loads != NULL) {
        fclose(loads);
    }
}

static double status_mb(const char *key) {
    char text[128];
    FILE *status = fopen("/proc/self/status", "r");
    find_line(status, key, text);
    if (status != NULL) {
        fclose(status);
    }
    return text[0] == '?' ? -1.0 : strtod(text, NULL) / 1024.0;
}

double bench_peak_mb(void) { return status_mb("VmHWM"); }
double bench_resident_mb(void) { return status_mb("VmRSS"); }
