// SPDX-License-Identifier: Apache-2.0
// From RTL to a shared library: sj_row and sj_array_control through Verilator, each into one source file, all compiled at once and linked.
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

#define ARGS_MAX 64
#define TEXT_MAX (SJ_RTL_PATH_MAX + 256)

typedef struct words {
    const char *argv[ARGS_MAX + 1];
    char text[16 * TEXT_MAX];
    size_t used;
    int count;
    bool overflow;  // a word did not fit
} words;

__attribute__((format(printf, 2, 3))) static void add(words *w, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const size_t left = sizeof w->text - w->used;
    const int length = vsnprintf(w->text + w->used, left, format, list);
    va_end(list);
    if (w->count < ARGS_MAX && length >= 0 && (size_t)length < left) {
        w->argv[w->count++] = w->text + w->used;
        w->used += (size_t)length + 1;
    } else {
        w->overflow = true;
    }
}

static sj_status check_words(const words *w, sj_error *err) {
    return w->overflow ? SJ_FAIL(err, SJ_ERR_RANGE, "the command line of %s does not fit %d words and %zu bytes; shorter paths may help", w->count > 0 ? w->argv[0] : "a tool", ARGS_MAX,
                                 sizeof w->text)
                       : SJ_OK;
}

// Paths that tools would read otherwise: quotes and backslashes end or alter names, Verilator puts variables of the environment into $names.
static sj_status check_characters(const char *what, const char *path, sj_error *err) {
    for (const char *c = path; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || strchr("\"'\\$", *c) != NULL) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the path of %s holds the character %c (code %d), with which no array can be built; not allowed are quotes, \\, $ and control characters", path, what,
                           (unsigned char)*c < ' ' ? ' ' : *c, (unsigned char)*c);
        }
    }
    return SJ_OK;
}

static void add_verilator(words *w, const sj_rtl_spec *s, const char *share, const sj_rtl_tools *tools, const char *folder, const char *top) {
    add(w, "%s", tools->verilator);
    add(w, "-F");
    add(w, "%s/rtl/verilator.f", share);
    add(w, "-Wno-fatal");  // a warning is the tests' affair, not the user's
    add(w, "--top-module");
    add(w, "%s", top);
    add(w, "--prefix");
    add(w, "V%s", top);
    add(w, "--Mdir");
    add(w, "%s/%s", folder, top);
    add(w, "-GLanes=%d", s->lanes);
    add(w, "-GSlots=%d", s->slots);
    add(w, "-GKTile=%d", s->k_tile);
    add(w, "-GAccBanks=%d", s->acc_banks);
    add(w, "-GDtype=%d", s->dtype == SJ_DTYPE_INT8);
    if (s->wave) {
        add(w, "--trace-fst");
        add(w, "--trace-structs");
        add(w, "--trace-max-array");
        add(w, "4096");
        add(w, "--trace-max-width");
        add(w, "65536");
    }
}

static void add_compiler(words *w, const sj_rtl_tools *tools) {
    static const char *const options[] = {"-std=c++17", "-O3", "-march=native", "-g0", "-w", "-fPIC", "-fvisibility=hidden", "-DNDEBUG",
#ifdef __x86_64__
                                         "-mno-avx512f",  // GCC 12 scatters there, which is slower
#endif
    };
    add(w, "%s", tools->compiler);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        add(w, "%s", options[i]);
    }
    add(w, "-I%s/include", tools->verilator_root);
    add(w, "-I%s/include/vltstd", tools->verilator_root);
}

static void add_compile(words *w, const char *source, const char *object) {
    add(w, "-c");
    add(w, "%s", source);
    add(w, "-o");
    add(w, "%s", object);
}

// A source file that includes all that Verilator made of a module, by names that are relative to it, then `last`.
static sj_status amalgamate(const char *folder, const char *module, const char *last, char path[SJ_RTL_PATH_MAX], sj_error *err) {
    char models[SJ_RTL_PATH_MAX];
    SJ_TRY(sj_rtl_path(models, err, "%s/%s", folder, module));
    SJ_TRY(sj_rtl_path(path, err, "%s/%s.cxx", folder, module));
    DIR *dir = opendir(models);
    FILE *out = fopen(path, "we");
    for (const struct dirent *entry; dir != NULL && out != NULL && (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".cpp") == 0) {
            fprintf(out, "#include \"%s/%s\"\n", module, entry->d_name);
        }
    }
    if (out != NULL && last != NULL) {
        fprintf(out, "#include \"%s\"\n", last);
    }
    const bool written = dir != NULL && out != NULL && ferror(out) == 0;
    if (dir != NULL) {
        closedir(dir);
    }
    const bool closed = out != NULL && fclose(out) == 0;
    return written && closed ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
}

static sj_status run(const sj_rtl_command *commands, int count, char log[SJ_RTL_PATH_MAX], sj_error *err) {
    int failed;
    bool interrupted;
    if (sj_rtl_run_all(commands, count, &failed, &interrupted)) {
        return SJ_OK;
    }
    SJ_TRY(sj_rtl_path(log, err, "%s", commands[failed].log));
    return interrupted ? SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted while an array was built") : SJ_FAIL(err, SJ_ERR_INTERNAL, "%s failed", commands[failed].argv[0]);
}

static sj_status verilate(const sj_rtl_spec *s, const char *share, const sj_rtl_tools *tools, const char *folder, char log[SJ_RTL_PATH_MAX], sj_error *err) {
    words row = {.count = 0}, control = {.count = 0};
    add_verilator(&row, s, share, tools, folder, "sj_row");
    add(&row, "-GSkip=%d", s->skip);
    add(&row, "-GMutateFindFirst=%d", s->mutation == 1);
    add_verilator(&control, s, share, tools, folder, "sj_array_control");
    add(&control, "-GRows=%d", s->rows);
    add(&control, "-GMutateDrain=%d", s->mutation == 2);
    add(&control, "-GMutateBLoad=%d", s->mutation == 3);
    SJ_TRY(check_words(&row, err));
    SJ_TRY(check_words(&control, err));
    sj_rtl_command commands[] = {{.argv = row.argv}, {.argv = control.argv}};
    SJ_TRY(sj_rtl_path(commands[0].log, err, "%s/row.log", folder));
    SJ_TRY(sj_rtl_path(commands[1].log, err, "%s/control.log", folder));
    return run(commands, 2, log, err);
}

static sj_status compile(const sj_rtl_spec *s, const char *share, const sj_rtl_tools *tools, const char *folder, const char *runtime, bool runtime_there,
                         char log[SJ_RTL_PATH_MAX], sj_error *err) {
    static const char *const headers[] = {"rtl/glue", "sim/systemc", "sim/lower", "sim/accel", "common"};
    words row = {.count = 0}, control = {.count = 0}, base = {.count = 0};
    char row_source[SJ_RTL_PATH_MAX], control_source[SJ_RTL_PATH_MAX], runtime_source[SJ_RTL_PATH_MAX], object[SJ_RTL_PATH_MAX], hash[17];
    SJ_TRY(sj_rtl_hash_headers(share, hash, err));
    SJ_TRY(amalgamate(folder, "sj_row", NULL, row_source, err));
    SJ_TRY(amalgamate(folder, "sj_array_control", "sj_rtl_library.cpp", control_source, err));
    add_compiler(&row, tools);
    add(&row, "-I%s/sj_row", folder);
    SJ_TRY(sj_rtl_path(object, err, "%s/row.o", folder));
    add_compile(&row, row_source, object);
    add_compiler(&control, tools);
    add(&control, "-I%s/sj_row", folder);
    add(&control, "-I%s/sj_array_control", folder);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        add(&control, "-I%s/%s", share, headers[i]);
    }
    add(&control, "-DSJ_HEADERS_HASH=\"%s\"", hash);
    add(&control, "-DSJ_ROWS=%d", s->rows);
    add(&control, "-DSJ_LANES=%d", s->lanes);
    add(&control, "-DSJ_SLOTS=%d", s->slots);
    add(&control, "-DSJ_K_TILE=%d", s->k_tile);
    if (s->wave) {
        add(&control, "-DSJ_WAVE");
    }
    SJ_TRY(sj_rtl_path(object, err, "%s/control.o", folder));
    add_compile(&control, control_source, object);
    // The run time of Verilator, the same for all arrays.
    SJ_TRY(sj_rtl_path(runtime_source, err, "%s/runtime.cxx", folder));
    FILE *f = fopen(runtime_source, "we");
    if (f != NULL) {
        fprintf(f, "#include \"verilated.cpp\"\n#include \"verilated_threads.cpp\"\n%s", s->wave ? "#include \"verilated_fst_c.cpp\"\n" : "");
    }
    if (f == NULL || fclose(f) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", runtime_source, strerror(errno));
    }
    add_compiler(&base, tools);
    add(&base, "-O1");  // hardly ever runs
    add_compile(&base, runtime_source, runtime);
    SJ_TRY(check_words(&row, err));
    SJ_TRY(check_words(&control, err));
    SJ_TRY(check_words(&base, err));
    sj_rtl_command commands[] = {{.argv = row.argv}, {.argv = control.argv}, {.argv = base.argv}};
    SJ_TRY(sj_rtl_path(commands[0].log, err, "%s/compile-row.log", folder));
    SJ_TRY(sj_rtl_path(commands[1].log, err, "%s/compile-control.log", folder));
    SJ_TRY(sj_rtl_path(commands[2].log, err, "%s/compile-runtime.log", folder));
    return run(commands, runtime_there ? 2 : 3, log, err);
}

sj_status sj_rtl_compile(const sj_rtl_spec *spec, const char *share, const sj_rtl_tools *tools, const char *folder, const char *runtime, bool runtime_there, const char *library,
                         char log[SJ_RTL_PATH_MAX], sj_error *err) {
    SJ_TRY(check_characters("the sources", share, err));
    SJ_TRY(check_characters("the folder for arrays", folder, err));
    SJ_TRY(verilate(spec, share, tools, folder, log, err));
    SJ_TRY(compile(spec, share, tools, folder, runtime, runtime_there, log, err));
    words link = {.count = 0};
    add(&link, "%s", tools->compiler);
    add(&link, "-shared");
    add(&link, "-Wl,-Bsymbolic");
    add(&link, "-Wl,--gc-sections");
    add(&link, "%s/row.o", folder);
    add(&link, "%s/control.o", folder);
    add(&link, "%s", runtime);
    add(&link, "-pthread");
    if (spec->wave) {
        add(&link, "-lz");
    }
    add(&link, "-o");
    add(&link, "%s", library);
    SJ_TRY(check_words(&link, err));
    sj_rtl_command command = {.argv = link.argv};
    SJ_TRY(sj_rtl_path(command.log, err, "%s/link.log", folder));
    return run(&command, 1, log, err);
}
