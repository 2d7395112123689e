// SPDX-License-Identifier: Apache-2.0
// sj_rtl_headers source-folder output: run when the program is built; writes the header with the hashes that it keeps of its own sources.
#include <stdio.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

static sj_status write_hashes(const char *share, const char *output, sj_error *err) {
    char headers[17], recipe[17], path[SJ_RTL_PATH_MAX];
    sj_atomic_file f;
    SJ_TRY(sj_rtl_hash_headers(share, headers, err));
    SJ_TRY(sj_rtl_path(path, err, "%s/rtl/glue/rtl_compile.c", share));
    SJ_TRY(sj_file_hash(path, recipe, err));
    SJ_TRY(sj_atomic_open(&f, output, err));
    fprintf(f.stream, "#define SJ_RTL_HEADERS_HASH \"%s\"  // sj_array.hpp, sj_rtl.hpp and what they include\n", headers);
    fprintf(f.stream, "#define SJ_RTL_RECIPE_HASH \"%s\"   // rtl_compile.c: how an array is built from its sources, with which options\n", recipe);
    return sj_atomic_commit(&f, err);
}

int main(int argc, char **argv) {
    sj_error err = {.status = SJ_OK};
    if (argc != 3 || write_hashes(argv[1], argv[2], &err) != SJ_OK) {
        fprintf(stderr, "%s\n", argc != 3 ? "usage: sj_rtl_headers source-folder output" : err.message);
        return 1;
    }
    return 0;
}
