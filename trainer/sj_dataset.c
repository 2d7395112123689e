// SPDX-License-Identifier: Apache-2.0
#include "sj_dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_picture_list.h"

enum { GLYPHS_TRAIN = 8000, GLYPHS_TEST = 2000, CLASSES = 10, CIFAR100_CLASSES = 100, GTSRB_CLASSES = 43, GTSRB_SIDE = 32, LEVELS = 256, CHANNELS_MAX = 4 };

static sj_status make_glyphs(uint64_t stream, int64_t count, const char *key, sj_images *out, sj_error *err) {
    const sj_status status = sj_glyphs_make(stream, count, out, err);
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s: %lld", key, (long long)count);
}

static sj_status load_glyphs(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    out->dims = (sj_dims){32, 32, 3};
    SJ_TRY(make_glyphs(2 * r->seed, r->train_images > 0 ? r->train_images : GLYPHS_TRAIN, "data.train_images", &out->train, err));
    return make_glyphs(2 * r->seed + 1, r->test_images > 0 ? r->test_images : GLYPHS_TEST, "data.test_images", &out->test, err);
}

static sj_status load_idx_part(const sj_dataset_request *r, const char *part, int64_t limit, sj_dims *dims, sj_images *out, sj_error *err) {
    char images[4096], labels[4096];
    if ((size_t)snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte", r->dir, part) >= sizeof images) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "data folder: the path is longer than %zu characters", sizeof images);
    }
    (void)snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte", r->dir, part);
    return sj_idx_read(images, labels, limit, dims, out, err);
}

static sj_status load_idx(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    sj_dims test_dims;
    SJ_TRY(load_idx_part(r, "train", r->train_images, &out->dims, &out->train, err));
    SJ_TRY(load_idx_part(r, "t10k", r->test_images, &test_dims, &out->test, err));
    if (test_dims.h != out->dims.h || test_dims.w != out->dims.w) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: test images are %lldx%lld, training images %lldx%lld; both must be equal", r->dir, (long long)test_dims.h,
                       (long long)test_dims.w, (long long)out->dims.h, (long long)out->dims.w);
    }
    return SJ_OK;
}

static const char *const cifar_files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

static sj_status load_cifar10(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    static const sj_cifar kind = {"CIFAR-10", 1, 10000};
    out->dims = (sj_dims){32, 32, 3};
    SJ_TRY(sj_cifar_read(r->dir, &kind, cifar_files, 5, r->train_images, &out->train, err));
    return sj_cifar_read(r->dir, &kind, cifar_files + 5, 1, r->test_images, &out->test, err);
}

static const char *const cifar100_files[] = {"train.bin", "test.bin"};

static sj_status load_cifar100(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    static const sj_cifar train = {"CIFAR-100", 2, 50000}, test = {"CIFAR-100", 2, 10000};
    out->dims = (sj_dims){32, 32, 3};
    out->classes = CIFAR100_CLASSES;
    SJ_TRY(sj_cifar_read(r->dir, &train, cifar100_files, 1, r->train_images, &out->train, err));
    return sj_cifar_read(r->dir, &test, cifar100_files + 1, 1, r->test_images, &out->test, err);
}

static sj_status load_gtsrb(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    sj_picture_list list = {0};
    out->dims = (sj_dims){r->image_h > 0 ? r->image_h : GTSRB_SIDE, r->image_w > 0 ? r->image_w : GTSRB_SIDE, 3};
    out->classes = GTSRB_CLASSES;
    sj_images *const parts[] = {&out->train, &out->test};
    const int64_t limits[] = {r->train_images, r->test_images};
    sj_status status = SJ_OK;
    for (int i = 0; i < 2 && status == SJ_OK; i++) {
        status = sj_gtsrb_list(r->dir, i == 0, &list, err);
        if (status == SJ_OK) {
            status = sj_picture_list_load(&list, sj_ppm_read, limits[i], true, &out->dims, parts[i], err);
        }
        sj_picture_list_free(&list);
    }
    return status;
}

static sj_status load_png_folder(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    sj_picture_list list = {0};
    out->dims = (sj_dims){r->image_h, r->image_w, 0};
    sj_images *const parts[] = {&out->train, &out->test};
    const int64_t limits[] = {r->train_images, r->test_images};
    sj_status status = SJ_OK;
    for (int i = 0; i < 2 && status == SJ_OK; i++) {
        status = sj_png_folder_list(r->dir, i == 0, &out->classes, &list, err);
        if (status == SJ_OK) {
            status = sj_picture_list_load(&list, sj_png_read, limits[i], r->image_h > 0, &out->dims, parts[i], err);
        }
        sj_picture_list_free(&list);
    }
    return status;
}

static const char *const idx_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static const char *const gtsrb_files[] = {"Final_Training/Images", "Final_Test/Images"};
static const char *const png_folder_files[] = {"train", "test"};

typedef struct kind {
    const char *name;
    bool fetched;       // by scripts/fetch-data.sh
    const char *holds;  // what lies in its folder, for people
    sj_status (*load)(const sj_dataset_request *r, sj_dataset *out, sj_error *err);
    bool resizes;
    int file_count;
    const char *const *files;
} kind;

#define IDX_HOLDS "train- and t10k-images-idx3-ubyte, train- and t10k-labels-idx1-ubyte (plain or .gz)"

static const kind kinds[] = {
    {"glyphs", false, NULL, load_glyphs, false, 0, NULL},
    {"idx", false, IDX_HOLDS, load_idx, false, 4, idx_files},
    {"mnist", true, IDX_HOLDS, load_idx, false, 4, idx_files},
    {"fashion-mnist", true, IDX_HOLDS, load_idx, false, 4, idx_files},
    {"cifar10", true, "data_batch_1.bin to data_batch_5.bin and test_batch.bin", load_cifar10, false, 6, cifar_files},
    {"cifar100", true, "train.bin and test.bin", load_cifar100, false, 2, cifar100_files},
    {"gtsrb", true, "Final_Training/Images, Final_Test/Images and " SJ_GTSRB_TEST, load_gtsrb, true, 2, gtsrb_files},
    {"png-folder", false, "train/CLASS/*.png and test/CLASS/*.png", load_png_folder, true, 2, png_folder_files},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const kind *find_kind(const char *name) {
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

// Mean and deviation of each channel over the training images, from integer sums: exact in any order.
static sj_status normalise(sj_dataset *d, sj_error *err) {
    const int64_t channels = d->dims.c, pixels = d->train.count * d->dims.h * d->dims.w;
    int64_t(*seen)[LEVELS];
    SJ_TRY(sj_alloc((void **)&seen, CHANNELS_MAX, sizeof *seen, "the levels of a data set", err));
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t c = 0; c < channels; c++) {
            seen[c][d->train.pixels[i * channels + c]]++;
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        uint64_t sum = 0, squares = 0;
        for (uint64_t level = 0; level < LEVELS; level++) {
            sum += level * (uint64_t)seen[c][level];
            squares += level * level * (uint64_t)seen[c][level];
        }
        const double count = (double)pixels, mean = (double)sum / count / 255.0, variance = (double)squares / count / 65025.0 - mean * mean;
        d->mean[c] = (float)mean;
        d->inverse_std[c] = (float)(variance > 1e-8 ? 1.0 / sqrt(variance) : 1.0);
    }
    free(seen);
    return SJ_OK;
}

// `part` is "training" or "test"; `wanted` images were asked for under `key`.
static sj_status check_images(const sj_dataset *d, const char *dir, const sj_images *images, const char *part, const char *key, int64_t wanted, sj_error *err) {
    if (wanted > images->count) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: %lld; data set %s has %lld %s images (0 takes all)", key, (long long)wanted, d->name, (long long)images->count, part);
    }
    for (int64_t i = 0; i < images->count; i++) {
        if (images->labels[i] >= d->classes) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "data set %s in %s: label %d of %s image %lld (counted from 0 over its files); labels are 0 to %lld", d->name, dir != NULL ? dir : "the program", images->labels[i], part, (long long)i,
                           (long long)d->classes - 1);
        }
    }
    return SJ_OK;
}

static sj_status check_request(const sj_dataset_request *r, const kind *k, sj_error *err) {
    if (k->file_count == 0 && r->dir != NULL) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data set %s is drawn by the program and reads no folder; leave out --data or data.dir (%s), or give another data.name", r->name, r->dir);
    }
    if (k->file_count > 0 && r->dir == NULL) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data set %s is read from a folder: give it with --data DIR or data.dir", r->name);
    }
    if ((r->image_h != 0 || r->image_w != 0) && !k->resizes) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data.image: images of data set %s have the size that they have; data.image is for gtsrb and png-folder", r->name);
    }
    const bool given = r->image_h != 0 || r->image_w != 0;
    if (given && (r->image_h < 1 || r->image_h > SJ_PICTURE_TARGET_MAX || r->image_w < 1 || r->image_w > SJ_PICTURE_TARGET_MAX)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data.image: [%lld, %lld]; height and width may be 1 to %d", (long long)r->image_h, (long long)r->image_w, SJ_PICTURE_TARGET_MAX);
    }
    return SJ_OK;
}

static sj_status unknown_name(const char *name, sj_error *err) {
    const char *names[KINDS];
    char allowed[256] = "";
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        const size_t used = strlen(allowed);
        (void)snprintf(allowed + used, sizeof allowed - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = sj_nearest_name(name, names, KINDS);
    return SJ_FAIL(err, SJ_ERR_CONFIG, "data.name: unknown data set \"%s\"%s%s%s; allowed: %s", name, nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?)" : "", allowed);
}

static bool holds_first(const char *dir, const kind *k) {
    char path[4096];
    return sj_dataset_file(k->name, dir, 0, path) && sj_path_exists(path);
}

// The folder right below `dir` that has what was looked for in `dir`.
static bool find_below(const char *dir, const kind *k, char found[4096]) {
    sj_folder below;
    sj_error none;
    if (holds_first(dir, k) || sj_folder_read(dir, &below, &none) != SJ_OK) {
        return false;
    }
    bool is_there = false;
    for (int64_t i = 0; i < below.count && !is_there; i++) {
        is_there = sj_path_make(found, &none, "%s/%s", dir, below.names[i]) == SJ_OK && holds_first(found, k);
    }
    sj_folder_free(&below);
    return is_there;
}

// To "cannot open": whose folder this is, what belongs there, and where that is or comes from.
static sj_status add_whereabouts(const sj_dataset_request *r, const kind *k, sj_error *err) {
    char found[4096], first[SJ_ERROR_MESSAGE_MAX];
    (void)snprintf(first, sizeof first, "%s", err->message);
    const bool below = find_below(r->dir, k, found);
    return SJ_FAIL(err, err->status, "%s; the folder of data set %s (--data, or data.dir) must hold %s%s%s%s%s%s", first, k->name, k->holds, below ? "; they lie in " : "", below ? found : "",
                   !below && k->fetched ? "; scripts/fetch-data.sh " : "", !below && k->fetched ? k->name : "", below ? ": give that" : k->fetched ? " DIR fetches them" : "");
}

static sj_status load(const sj_dataset_request *r, const kind *k, sj_dataset *out, sj_error *err) {
    const sj_status status = k->load(r, out, err);
    if (status != SJ_OK) {
        return status == SJ_ERR_IO && k->file_count > 0 ? add_whereabouts(r, k, err) : status;
    }
    SJ_TRY(check_images(out, r->dir, &out->train, "training", "data.train_images", r->train_images, err));
    SJ_TRY(check_images(out, r->dir, &out->test, "test", "data.test_images", r->test_images, err));
    return normalise(out, err);
}

sj_status sj_dataset_load(const sj_dataset_request *request, sj_dataset *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    const kind *k = find_kind(request->name);
    if (k == NULL) {
        return unknown_name(request->name, err);
    }
    SJ_TRY(check_request(request, k, err));
    (void)snprintf(out->name, sizeof out->name, "%.*s", SJ_NAME_MAX - 1, request->name);
    out->classes = CLASSES;
    const sj_status status = load(request, k, out, err);
    if (status != SJ_OK) {
        sj_dataset_free(out);
    }
    return status;
}

bool sj_dataset_file(const char *name, const char *dir, int i, char path[4096]) {
    const kind *k = find_kind(name);
    if (k == NULL || i > k->file_count || (i == k->file_count && k->load != load_gtsrb)) {
        return false;
    }
    if (i == k->file_count) {  // beside the test images it is counted with them
        (void)snprintf(path, 4096, "%s/" SJ_GTSRB_TEST, dir);
        return sj_path_exists(path);
    }
    (void)snprintf(path, 4096, "%s/%s", dir, k->files[i]);
    if (k->load == load_idx && !sj_path_exists(path)) {
        (void)snprintf(path, 4096, "%s/%s.gz", dir, k->files[i]);
    }
    return true;
}

// FNV-1a in steps of eight bytes: a byte at a time would be slower than the reading. The end of `data` is filled up with zeros; its length is mixed in first.
static uint64_t mix(uint64_t hash, const void *data, uint64_t bytes) {
    const char *at = data;
    hash = (hash ^ bytes) * 0x100000001b3ULL;
    for (uint64_t i = 0; i < bytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, at + i, bytes - i < 8 ? (size_t)(bytes - i) : 8);
        hash = (hash ^ word) * 0x100000001b3ULL;
        hash ^= hash >> 32;  // the multiplication carries upwards only
    }
    return hash;
}

uint64_t sj_dataset_fingerprint(const sj_dataset *d) {
    const int64_t sizes[] = {d->dims.h, d->dims.w, d->dims.c, d->classes, d->train.count, d->test.count};
    const sj_images *const parts[] = {&d->train, &d->test};
    uint64_t hash = mix(0xcbf29ce484222325ULL, sizes, sizeof sizes);
    for (int i = 0; i < 2; i++) {
        hash = mix(hash, parts[i]->pixels, (uint64_t)(parts[i]->count * d->dims.h * d->dims.w * d->dims.c));
        hash = mix(hash, parts[i]->labels, (uint64_t)parts[i]->count * sizeof *parts[i]->labels);
    }
    return hash;
}

void sj_images_free(sj_images *images) {
    free(images->pixels);
    free(images->labels);
    memset(images, 0, sizeof *images);
}

void sj_dataset_free(sj_dataset *d) {
    sj_images_free(&d->train);
    sj_images_free(&d->test);
}
