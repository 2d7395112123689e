// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE  // nftw, O_CLOEXEC
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

#define NAME_LENGTH 160
#define STALE_SECONDS (24 * 3600)
// Folders of builds under way: this and what mkdtemp makes of the six X.
#define BUILD_PREFIX ".sj-build-"
#define BUILD_SUFFIX_LENGTH 6

void sj_rtl_shape_text(const sj_rtl_spec *s, char *text, size_t size) {
    snprintf(text, size, "%s %dx%d slots %d k_tile %d acc_banks %d", s->dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", s->rows, s->lanes, s->slots, s->k_tile, s->acc_banks);
}

// All of an entry's name but the hash of the tools.
static void entry_name(const sj_rtl_spec *s, const char *sources, const char *processor, char name[NAME_LENGTH]) {
    char mutant[16] = "";
    if (s->mutation != 0) {
        snprintf(mutant, sizeof mutant, "-mutant%d", s->mutation);
    }
    snprintf(name, NAME_LENGTH, "%s-%dx%d-g%d-k%d-a%d-%s%s%s-%s-%s-", s->dtype == SJ_DTYPE_BF16 ? "bf16" : "int8", s->rows, s->lanes, s->slots, s->k_tile, s->acc_banks,
             s->skip ? "skip" : "full", s->wave ? "-wave" : "", mutant, sources, processor);
}

static sj_status make_folders(char *path, sj_error *err) {
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        const bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        const int why = errno;
        if (slash != NULL) {
            *slash = '/';
        }
        if (!there) {
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make this folder for arrays that are built on demand: %s; SJ_CACHE names another", path, strerror(why));
        }
        if (slash == NULL) {
            return SJ_OK;
        }
    }
}

// What SJ_CACHE names is the user's and may hold anything: arrays stand in a folder of their own within it.
static sj_status cache_folder(char path[SJ_RTL_PATH_MAX], sj_error *err) {
    const char *own = getenv("SJ_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (own != NULL && *own != '\0') {
        length = snprintf(path, SJ_RTL_PATH_MAX, "%s/skipjoule-arrays", own);
    } else if (xdg != NULL && *xdg != '\0') {
        length = snprintf(path, SJ_RTL_PATH_MAX, "%s/skipjoule-arrays", xdg);
    } else if (home != NULL && *home != '\0') {
        length = snprintf(path, SJ_RTL_PATH_MAX, "%s/.cache/skipjoule-arrays", home);
    } else {
        return SJ_FAIL(err, SJ_ERR_IO, "none of SJ_CACHE, XDG_CACHE_HOME and HOME names a folder for arrays that are built on demand");
    }
    if (length > SJ_RTL_PATH_MAX - NAME_LENGTH - 64) {
        return SJ_FAIL(err, SJ_ERR_IO, "the path of the folder for arrays that are built on demand is %d characters long; at most %d are allowed", length,
                       SJ_RTL_PATH_MAX - NAME_LENGTH - 64);
    }
    SJ_TRY(make_folders(path, err));
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be opened as the folder for arrays that are built on demand (a link is not followed): %s", path, strerror(errno));
    }
    const sj_status status = sj_rtl_check_owner(fd, path, err);
    close(fd);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) { return remove(path); }
static void remove_folder(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

static bool begins_with(const char *text, const char *head) { return strncmp(text, head, strlen(head)) == 0; }

// An entry of the same shape, sources and processor, whatever tools it was built with: its path, and *fd as of sj_rtl_open_sealed.
static sj_status find_any_tools(const char *cache, const char *name, char path[SJ_RTL_PATH_MAX], int *fd, sj_error *err) {
    enum { HASH = 16 };
    sj_status status = SJ_OK;
    *fd = -1;
    DIR *dir = opendir(cache);
    for (const struct dirent *entry; dir != NULL && status == SJ_OK && *fd < 0 && (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(name);
        if (begins_with(entry->d_name, name) && strlen(entry->d_name) == length + HASH + 3 && strcmp(entry->d_name + length + HASH, ".so") == 0 &&
            snprintf(path, SJ_RTL_PATH_MAX, "%s/%s", cache, entry->d_name) < SJ_RTL_PATH_MAX) {
            status = sj_rtl_open_sealed(path, fd, err);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return status;
}

// Shapes in the cache that these sources made for this processor, "; " between them.
static void cached_shapes(const char *cache, const char *sources, const char *processor, char *list, size_t size) {
    DIR *dir = opendir(cache);
    list[0] = '\0';
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        sj_rtl_spec s = {.rows = 0};
        char dtype[8], kind[8], hash[32], made_for[32], text[96];
        if (sscanf(entry->d_name, "%4[a-z0-9]-%dx%d-g%d-k%d-a%d-%4[a-z]-%16[0-9a-f]-%16[0-9a-f]-", dtype, &s.rows, &s.lanes, &s.slots, &s.k_tile, &s.acc_banks, kind, hash, made_for) !=
                9 ||
            strcmp(hash, sources) != 0 || strcmp(made_for, processor) != 0) {
            continue;
        }
        s.dtype = strcmp(dtype, "bf16") == 0 ? SJ_DTYPE_BF16 : SJ_DTYPE_INT8;
        sj_rtl_shape_text(&s, text, sizeof text);
        const size_t used = strlen(list);
        snprintf(list + used, size - used, "%s%s (%s)", used > 0 ? "; " : "", text, strcmp(kind, "skip") == 0 ? "skip" : "dense, gate");
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

static bool is_stale_build(const char *path, const char *name) {
    struct stat info;
    return begins_with(name, BUILD_PREFIX) && strlen(name) == strlen(BUILD_PREFIX) + BUILD_SUFFIX_LENGTH && lstat(path, &info) == 0 && S_ISDIR(info.st_mode) &&
           info.st_uid == geteuid() && time(NULL) - info.st_mtime > STALE_SECONDS;
}

// Folders that a build left behind when it was killed.
static void remove_stale(const char *cache) {
    DIR *dir = opendir(cache);
    char path[SJ_RTL_PATH_MAX];
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (snprintf(path, sizeof path, "%s/%s", cache, entry->d_name) < (int)sizeof path && is_stale_build(path, entry->d_name)) {
            remove_folder(path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

// The last lines of a log, and the log kept under a name of its own.
static sj_status explain(const char *cache, const char *name, const char *text, const char *log, sj_error *err) {
    enum { TAIL = 1200 };
    char kept[SJ_RTL_PATH_MAX], *all = NULL;
    size_t bytes = 0;
    sj_error ignored = {.status = SJ_OK};
    SJ_TRY(sj_rtl_path(kept, err, "%s/%s.log", cache, name));
    const bool read = sj_read_file(log, &all, &bytes, &ignored) == SJ_OK;
    const char *tail = read ? all : "";
    if (read && bytes > TAIL) {
        const char *line = strchr(all + bytes - TAIL, '\n');
        tail = line != NULL ? line + 1 : all + bytes - TAIL;
    }
    const bool moved = rename(log, kept) == 0;
    const char cause[] = "the Verilated array does not build";
    SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: %s; its log %s ends:\n%s", text, cause, moved ? kept : "(lost)", tail);
    free(all);
    return err->status;
}

// An entry's name says what it was made from.
static sj_status check_unchanged(const char *share, const char *sources, sj_error *err) {
    char share_now[SJ_RTL_PATH_MAX], sources_now[17];
    SJ_TRY(sj_rtl_sources(share_now, sources_now, err));
    return strcmp(share, share_now) == 0 && strcmp(sources, sources_now) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: the sources changed while an array was built from them", share);
}

static sj_status publish(const char *file, const char *path, sj_error *err) {
    SJ_TRY(sj_rtl_seal(file, err));
    return sj_rename_into_place(file, path, err);
}

static sj_status build(const sj_rtl_spec *spec, const char *cache, const char *name, const char *share, const char *sources, const sj_rtl_tools *tools, const char *path,
                       sj_error *err) {
    char folder[SJ_RTL_PATH_MAX], library[SJ_RTL_PATH_MAX], runtime[SJ_RTL_PATH_MAX], fresh[SJ_RTL_PATH_MAX], log[SJ_RTL_PATH_MAX] = "", text[96];
    remove_stale(cache);
    SJ_TRY(sj_rtl_path(folder, err, "%s/" BUILD_PREFIX "XXXXXX", cache));
    if (mkdtemp(folder) == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make a folder there: %s", cache, strerror(errno));
    }
    SJ_TRY(sj_rtl_path(library, err, "%s/array.so", folder));
    SJ_TRY(sj_rtl_path(runtime, err, "%s/runtime%s-%s-%s.o", cache, spec->wave ? "-wave" : "", tools->processor, tools->hash));
    SJ_TRY(sj_rtl_path(fresh, err, "%s/runtime.o", folder));
    int runtime_fd = -1;
    sj_status status = sj_rtl_open_sealed(runtime, &runtime_fd, err);
    const bool runtime_there = runtime_fd >= 0;
    if (runtime_there) {
        close(runtime_fd);
    }
    if (status == SJ_OK) {
        status = sj_rtl_compile(spec, share, tools, folder, runtime_there ? runtime : fresh, runtime_there, library, log, err);
    }
    if (status != SJ_OK && status != SJ_ERR_INTERRUPTED && log[0] != '\0') {
        sj_rtl_shape_text(spec, text, sizeof text);
        status = explain(cache, name, text, log, err);
    }
    if (status == SJ_OK) {
        status = check_unchanged(share, sources, err);
    }
    if (status == SJ_OK && !runtime_there) {
        status = publish(fresh, runtime, err);
    }
    if (status == SJ_OK) {
        status = publish(library, path, err);
    }
    remove_folder(folder);
    return status;
}

sj_status sj_rtl_cache_library(const sj_rtl_spec *spec, const char *built_in, sj_rtl_say say, void *say_ctx, char path[SJ_RTL_PATH_MAX], int *fd, sj_error *err) {
    char share[SJ_RTL_PATH_MAX], cache[SJ_RTL_PATH_MAX], sources[17], name[NAME_LENGTH], text[96], line[256], list[1600];
    static sj_rtl_tools tools;  // the caller's lock guards it
    SJ_TRY(sj_rtl_sources(share, sources, err));
    SJ_TRY(cache_folder(cache, err));
    sj_rtl_shape_text(spec, text, sizeof text);
    sj_rtl_find_tools(&tools);
    entry_name(spec, sources, tools.processor, name);
    if (!tools.complete) {
        SJ_TRY(find_any_tools(cache, name, path, fd, err));
        if (*fd >= 0) {
            return SJ_OK;
        }
        cached_shapes(cache, sources, tools.processor, list, sizeof list);
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "fidelity rtl: no array of the shape %s (rows x lanes) is built, and building one needs %s on PATH; at hand are: %s%s%s", text,
                       tools.missing, built_in, list[0] != '\0' ? "; in the cache: " : "", list);
    }
    strncat(name, tools.hash, sizeof name - strlen(name) - 1);
    SJ_TRY(sj_rtl_path(path, err, "%s/%s.so", cache, name));
    SJ_TRY(sj_rtl_open_sealed(path, fd, err));
    if (*fd >= 0) {
        return SJ_OK;
    }
    if (say != NULL) {
        snprintf(line, sizeof line, "building the array %s for the %s, once: about %d s", text, spec->skip ? "skip machine" : "dense and gate machines",
                 (spec->wave ? 15 : 7) + spec->lanes / 64);
        say(say_ctx, line);
    }
    SJ_TRY(build(spec, cache, name, share, sources, &tools, path, err));
    SJ_TRY(sj_rtl_open_sealed(path, fd, err));
    return *fd >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: was built, and is gone or altered a moment later", path);
}
