// SPDX-License-Identifier: Apache-2.0
// The files of a simulated run. They are written into a folder beside the final one, which then takes its name: a run is there whole, or not at all.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_machine.h"

// The first three are of one name for both kinds.
static const char *const stats_names[] = {"config.cfg", "tech.cfg", "provenance.json", "stats.json", "layers.csv", "stats.txt"};
static const char *const whole_names[] = {"config.cfg", "tech.cfg", "provenance.json", "run.json", "epochs.csv"};

typedef struct content {
    const sj_machine_setup *setup;
    const sj_stats *runs;
    int count;
    const sj_whole_run *whole;  // NULL: runs
    const char *const *names;
    int name_count;
} content;


static sj_status write_whole(FILE *f, int file, const sj_whole_run *w, sj_error *err) {
    switch (file) {
        case 2: return sj_whole_run_write_provenance(f, w, err);
        case 3: return sj_whole_run_write_json(f, w, err);
        default: sj_whole_run_write_epochs(f, w); return SJ_OK;
    }
}

static sj_status write_content(FILE *f, int file, const content *c, sj_error *err) {
    if (file >= 2 && c->whole != NULL) {
        return write_whole(f, file, c->whole, err);
    }
    switch (file) {
        case 0: fputs(c->setup->accel_text, f); return SJ_OK;
        case 1: fputs(sj_tech_text(c->setup->tech), f); return SJ_OK;
        case 2: return sj_stats_write_provenance(f, c->runs, c->count, err);
        case 3: return sj_stats_write_json(f, c->runs, c->count, err);
        case 4: sj_stats_write_csv(f, c->runs, c->count); return SJ_OK;
        default: sj_stats_write_text(f, c->runs, c->count); return SJ_OK;
    }
}

static char *join(const char *folder, const char *name) {
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", folder, name);
    }
    return path;
}

// config.cfg and provenance.json of a training stand beside its trace, and a simulation's would take their place.
static sj_status check_no_training(const char *folder, sj_error *err) {
    static const char *const names[] = {"trace.h5", "checkpoint.bin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = join(folder, names[i]);
        const bool there = path != NULL && sj_path_exists(path);
        free(path);
        if (there) {
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it is the folder of a training or a plan (it has %s), whose files a simulation's do not replace; give another one", folder, names[i]);
        }
    }
    return SJ_OK;
}

sj_status sj_run_check(const char *path, bool force, sj_error *err) {
    SJ_TRY(check_no_training(path, err));
    return sj_path_exists(path) ? sj_make_run_dir(path, force, err) : SJ_OK;
}

static sj_status write_file(const char *folder, int file, const content *c, sj_error *err) {
    char *path = join(folder, c->names[file]);
    if (path == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", folder);
    }
    sj_atomic_file out;
    sj_status status = sj_atomic_open(&out, path, err);
    free(path);
    if (status != SJ_OK) {
        return status;
    }
    status = write_content(out.stream, file, c, err);
    if (status != SJ_OK) {
        if (ferror(out.stream)) {
            status = SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", out.path, strerror(errno));
        }
        sj_atomic_abandon(&out);
        return status;
    }
    return sj_atomic_commit(&out, err);
}

static void remove_folder(const char *folder, const content *c) {
    for (int i = 0; i < c->name_count; i++) {
        char *path = join(folder, c->names[i]);
        if (path != NULL) {
            unlink(path);
            free(path);
        }
    }
    rmdir(folder);
}

static sj_status move_file(const char *from_folder, const char *to_folder, const char *name, sj_error *err) {
    char *from = join(from_folder, name), *to = join(to_folder, name);
    const sj_status status = from == NULL || to == NULL ? SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", to_folder) : sj_rename_into_place(from, to, err);
    free(from);
    free(to);
    return status;
}

// A folder of a file's name would stop the moving half-way.
static sj_status check_replaceable(const char *folder, const char *name, sj_error *err) {
    char *path = join(folder, name);
    struct stat info;
    const bool is_folder = path != NULL && lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return is_folder ? SJ_FAIL(err, SJ_ERR_IO, "%s/%s: cannot write: it is a folder", folder, name) : SJ_OK;
}

// What only a run of the other kind has would pass for this one's.
static void remove_others(const char *folder, const content *c) {
    const bool whole = c->whole != NULL;
    const char *const *others = whole ? stats_names : whole_names;
    const int count = (int)(whole ? sizeof stats_names / sizeof stats_names[0] : sizeof whole_names / sizeof whole_names[0]);
    for (int i = 3; i < count; i++) {  // behind those that both have
        char *path = join(folder, others[i]);
        if (path != NULL) {
            unlink(path);
            free(path);
        }
    }
}

// Over an empty folder (or none) by one rename; into a folder with other files in it, one by one.
static sj_status move_into_place(const char *temporary, const char *path, const content *c, sj_error *err) {
    if (rename(temporary, path) == 0) {
        return SJ_OK;
    }
    for (int i = 0; i < c->name_count; i++) {
        SJ_TRY(check_replaceable(path, c->names[i], err));
    }
    for (int i = 0; i < c->name_count; i++) {
        SJ_TRY(move_file(temporary, path, c->names[i], err));
    }
    remove_others(path, c);
    rmdir(temporary);
    return SJ_OK;
}

static sj_status write_all(const char *temporary, const char *path, const content *c, sj_error *err) {
    if (mkdir(temporary, 0777) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make the folder: %s", temporary, strerror(errno));
    }
    for (int i = 0; i < c->name_count; i++) {
        if (write_file(temporary, i, c, err) != SJ_OK) {
            return sj_error_prefix(err, "%s: not written", path);
        }
    }
    return move_into_place(temporary, path, c, err);
}

static sj_status write_folder(const char *path, bool force, const content *c, sj_error *err) {
    const bool existed = sj_path_exists(path);
    SJ_TRY(check_no_training(path, err));
    SJ_TRY(sj_make_run_dir(path, force, err));
    char *temporary = NULL, *trimmed = strdup(path);  // "out/" names the folder out, and its temporary is beside it
    for (size_t n = trimmed != NULL ? strlen(trimmed) : 0; n > 1 && trimmed[n - 1] == '/'; n--) {
        trimmed[n - 1] = '\0';
    }
    temporary = trimmed != NULL ? sj_temporary_name(trimmed) : NULL;
    if (temporary == NULL) {
        free(trimmed);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", path);
    }
    const sj_status status = write_all(temporary, trimmed, c, err);
    if (status != SJ_OK) {
        remove_folder(temporary, c);
        if (!existed) {
            rmdir(trimmed);
        }
    }
    free(temporary);
    free(trimmed);
    return status;
}

sj_status sj_run_write(const char *path, bool force, const sj_machine_setup *s, const sj_stats *runs, int count, sj_error *err) {
    return write_folder(path, force, &(content){s, runs, count, NULL, stats_names, (int)(sizeof stats_names / sizeof stats_names[0])}, err);
}

sj_status sj_run_write_whole(const char *path, bool force, const sj_machine_setup *s, const sj_whole_run *w, sj_error *err) {
    return write_folder(path, force, &(content){s, NULL, 0, w, whole_names, (int)(sizeof whole_names / sizeof whole_names[0])}, err);
}
