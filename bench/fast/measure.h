// SPDX-License-Identifier: Apache-2.0
// CPU and wall time, and what they were measured on.
#ifndef SJ_BENCH_MEASURE_H
#define SJ_BENCH_MEASURE_H

typedef struct bench_time {
    double cpu_seconds;   // of all threads, user and system
    double wall_seconds;
} bench_time;

bench_time bench_now(void);
bench_time bench_since(bench_time start);
// Commit, load average, processor, threads.
void bench_print_machine(void);
// VmHWM, or VmRSS, of this process in MB; -1 where the kernel does not say.
double bench_peak_mb(void);
double bench_resident_mb(void);

#endif
