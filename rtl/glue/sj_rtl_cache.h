// SPDX-License-Identifier: Apache-2.0
// Shared libraries with one Verilated array each, in a folder of the user's. Inside of sj_rtl alone.
//
// An entry is named <shape>-<sources>-<processor>-<tools>.so: hashes of the RTL, the glue, all that it includes and how it is built; of the processor it was compiled for; of the versions of
// Verilator and the compiler. It ends with a seal (its length and hash), without which it is not loaded: what is broken or cut short is built again. Entries are built
// in a folder of the building process and renamed, so that several processes may build the same one: each of them gets a whole one.
// Folder and entries are the user's own and writable by nobody else, or are refused: a library is code.
#ifndef SJ_RTL_CACHE_H
#define SJ_RTL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sj_accel.h"
#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_RTL_PATH_MAX 4096

typedef struct sj_rtl_spec {
    int rows, lanes, slots, k_tile, acc_banks;
    sj_dtype dtype;
    bool skip;     // false: the elaboration of the dense and gate machines
    bool wave;     // can write waveforms
    int mutation;  // 0: none; see sj_rtl.hpp
} sj_rtl_spec;

typedef void (*sj_rtl_say)(void *ctx, const char *line);

// The library of an array, which is built where it is not there (or broken): its path, and a descriptor of the very file that was examined, which the caller closes.
// Errors: UNSUPPORTED naming what is missing (Verilator, a compiler, the sources), `built_in` (a list of shapes) and the shapes in the cache; RANGE for a path that is
// too long or has characters that tools read otherwise; IO, also for what is not the user's own; INTERNAL with the last lines
// of the log and its path where it does not compile.
sj_status sj_rtl_cache_library(const sj_rtl_spec *spec, const char *built_in, sj_rtl_say say, void *say_ctx, char path[SJ_RTL_PATH_MAX], int *fd, sj_error *err);

// "bf16 16x16 slots 8 k_tile 64 acc_banks 2".
void sj_rtl_shape_text(const sj_rtl_spec *spec, char *text, size_t size);

// ---- rtl_headers.c
// A path; RANGE where it does not fit.
sj_status sj_rtl_path(char path[SJ_RTL_PATH_MAX], sj_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
// FNV-1a, continued from h.
#define SJ_RTL_HASH_START 0xcbf29ce484222325u
uint64_t sj_rtl_hash(uint64_t h, const void *data, size_t bytes);
// Names and contents of sj_array.hpp, sj_rtl.hpp and of the headers below `share` that they include.
sj_status sj_rtl_hash_headers(const char *share, char hash[17], sj_error *err);

// ---- rtl_sources.c
// The folder that holds rtl/, sim/ and common/ ($SJ_SHARE and no other; else that of the installation, the source tree, the install prefix), and a hash of all that an array is
// made from. UNSUPPORTED where there is none, or its headers are not those that this program was compiled with.
sj_status sj_rtl_sources(char share[SJ_RTL_PATH_MAX], char hash[17], sj_error *err);

// ---- rtl_tools.c
typedef struct sj_rtl_tools {
    char verilator[SJ_RTL_PATH_MAX], compiler[SJ_RTL_PATH_MAX];
    char verilator_root[SJ_RTL_PATH_MAX];
    char hash[17];       // where complete
    char processor[17];  // hash of what compilers know of the processor at hand
    bool complete;
    char missing[256];  // where not complete: what is, in words
} sj_rtl_tools;

void sj_rtl_find_tools(sj_rtl_tools *tools);
// Runs programs at once, each with stdout and stderr to its log, in this folder; waits for all. True when all ended with 0. *interrupted: one was ended by SIGINT or SIGTERM.
typedef struct sj_rtl_command {
    const char *const *argv;
    char log[SJ_RTL_PATH_MAX];
} sj_rtl_command;
bool sj_rtl_run_all(const sj_rtl_command *commands, int count, int *failed, bool *interrupted);

// ---- rtl_compile.c
// Makes the library in `folder` (which is empty and the caller's); runtime: an object file to use, or to make first. *log: the log of what failed.
sj_status sj_rtl_compile(const sj_rtl_spec *spec, const char *share, const sj_rtl_tools *tools, const char *folder, const char *runtime, bool runtime_there, const char *library,
                         char log[SJ_RTL_PATH_MAX], sj_error *err);

// ---- rtl_seal.c
sj_status sj_rtl_seal(const char *path, sj_error *err);
// Opens a file that is sealed: *fd is -1 where it is not there or not whole. IO where it is not the user's own, or a link.
sj_status sj_rtl_open_sealed(const char *path, int *fd, sj_error *err);
// IO where the file or folder belongs to somebody else, or group or others may write to it.
sj_status sj_rtl_check_owner(int fd, const char *path, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
