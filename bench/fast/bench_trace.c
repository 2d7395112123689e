// SPDX-License-Identifier: Apache-2.0
// End to end: a trace file through lowering and the fast model, against the time that HDF5 alone takes to read the same datasets; and the memory it takes.
//
//   bench_trace [TRACE]      without a file, one step of a full-width ResNet18 with 16 images is made up first
//
// Goals: at most twice HDF5's time, 300 MB beyond the tensors of the batch's largest layer. Met with 1.2 times (HDF5 0.75 CPU-s for 143 MB: it inflates; reading and lowering 0.79, the fast
// model with the passes 0.12) and 120 MB.
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "network18.h"
#include "sj_counters.h"
#include "sj_lower.h"
#include "sj_synth.h"

#define IMAGES 16

static sj_accel edge16;

static void stop(const char *message) {
    fprintf(stderr, "bench_trace: %s\n", message);
    exit(1);
}

// ---- what the parts say to each other: they run in processes of their own, so that each has a peak of its own

typedef struct shared {
    bench_time hdf5, lowering, fast, all;
    uint64_t bytes, largest_set, datasets, cycles, macs;
    double largest_layer_mb, peak_mb, start_mb;
} shared;

static void in_a_process(void (*part)(const char *path, shared *s), const char *path, shared *s) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        part(path, s);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        stop("a part failed");
    }
}

// ---- a trace

static void make_trace(const char *path, shared *s) {
    (void)s;
    sj_network net;
    sj_error err;
    bench_network18_make(&net);
    const sj_synth_options o = {.x = 0.5, .w = 1, .dy = 1, .images = IMAGES, .batch_size = IMAGES, .seed = 1, .type = SJ_TYPE_BF16, .mode = SJ_MODE_TRAIN};
    if (sj_synth_write(path, "bench_trace", &net, &o, &err) != SJ_OK) {
        stop(err.message);
    }
    sj_network_free(&net);
}

// ---- HDF5 alone

typedef struct dataset {
    hid_t set;
    uint64_t address, bytes;
} dataset;

typedef struct datasets {
    dataset *list;
    int count, room;
} datasets;

static herr_t find_dataset(hid_t from, const char *name, const H5O_info_t *info, void *context) {
    datasets *d = context;
    if (info->type != H5O_TYPE_DATASET || strncmp(name, "steps", 5) != 0) {
        return 0;
    }
    for (int i = 0; i < d->count; i++) {
        if (d->list[i].address == (uint64_t)info->addr) {
            return 0;
        }
    }
    if (d->count == d->room) {
        d->room = 2 * d->room + 64;
        d->list = realloc(d->list, (size_t)d->room * sizeof *d->list);
        if (d->list == NULL) {
            stop("out of memory");
        }
    }
    const hid_t set = H5Dopen2(from, name, H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
    d->list[d->count++] = (dataset){set, (uint64_t)info->addr, (uint64_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type)};
    H5Sclose(space);
    H5Tclose(type);
    return 0;
}

// Every dataset once, in its own type, into one buffer that has been written to before.
static void read_alone(const char *path, shared *s) {
    datasets d = {0};
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0 || H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, find_dataset, &d, H5O_INFO_BASIC) < 0) {
        stop("the trace cannot be read");
    }
    for (int i = 0; i < d.count; i++) {
        s->bytes += d.list[i].bytes;
        s->largest_set = d.list[i].bytes > s->largest_set ? d.list[i].bytes : s->largest_set;
    }
    void *buffer = malloc(s->largest_set);
    if (buffer == NULL) {
        stop("out of memory");
    }
    memset(buffer, 1, s->largest_set);
    s->datasets = (uint64_t)d.count;
    const bench_time start = bench_now();
    for (int i = 0; i < d.count; i++) {
        const hid_t type = H5Dget_type(d.list[i].set);
        if (H5Dread(d.list[i].set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) < 0) {
            stop("a dataset cannot be read");
        }
        H5Tclose(type);
    }
    s->hdf5 = bench_since(start);
    free(buffer);
    free(d.list);
    H5Fclose(file);
}

// ---- the simulator's path

static void add_time(bench_time *to, bench_time t) {
    to->cpu_seconds += t.cpu_seconds;
    to->wall_seconds += t.wall_seconds;
}

static double largest_layer(const sj_network *net, int64_t images) {
    double most = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        const int64_t in = l->in.h * l->in.w * l->in.c * l->input_count, out = l->out.h * l->out.w * l->out.c;
        const int64_t weights = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR ? l->out.c * l->kernel_h * l->kernel_w * l->in.c / l->groups : 0;
        const double mb = 2.0 * (double)(images * (in + 2 * out) + weights) / 1048576.0;  // x, y, dy, w
        most = mb > most ? mb : most;
    }
    return most;
}

static void run_unit(sj_lowering *lowering, int unit, shared *s) {
    sj_job *const *jobs = NULL;
    sj_densities densities;
    sj_error err;
    int count = 0;
    const bench_time start = bench_now();
    if (sj_lowering_jobs(lowering, unit, &jobs, &count, &densities, &err) != SJ_OK) {
        stop(err.message);
    }
    add_time(&s->lowering, bench_since(start));
    const bench_time lowered = bench_now();
    for (int i = 0; i < count; i++) {
        sj_outcome out;
        if (sj_fast_run(&edge16, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, jobs[i], &out, &err) != SJ_OK) {
            stop(err.message);
        }
        s->cycles += out.cycles;
        s->macs += jobs[i]->is_product ? out.macs_total + out.macs_padding : 0;
    }
    add_time(&s->fast, bench_since(lowered));
}

static void run_whole(const char *path, shared *s) {
    sj_trace *trace = NULL;
    sj_lowering *lowering = NULL;
    sj_error err;
    s->start_mb = bench_resident_mb();
    const bench_time start = bench_now();
    if (sj_trace_open(path, &trace, &err) != SJ_OK) {
        stop(err.message);
    }
    const sj_lower_options options = {.batch = sj_trace_get_meta(trace)->batch_size, .fuse = true};
    if (sj_lowering_open(trace, 0, &edge16, &options, &lowering, &err) != SJ_OK) {
        stop(err.message);
    }
    for (int unit = 0; unit < sj_lowering_unit_count(lowering); unit++) {
        run_unit(lowering, unit, s);
    }
    s->largest_layer_mb = largest_layer(sj_trace_get_network(trace), sj_trace_get_meta(trace)->images);
    sj_lowering_close(lowering);
    sj_trace_close(trace);
    s->all = bench_since(start);
    s->peak_mb = bench_peak_mb();
}

// A folder under $TMPDIR, else under the system's folder for such.
static void make_folder(char folder[512]) {
    const char *base = getenv("TMPDIR");
    const int length = snprintf(folder, 512, "%s/sj-bench-XXXXXX", base != NULL && base[0] != '\0' ? base : P_tmpdir);
    if (length >= 512 || mkdtemp(folder) == NULL) {
        stop("no folder for the trace could be made; set TMPDIR");
    }
}

int main(int argc, char **argv) {
    char folder[512] = "", made[528];
    sj_error err;
    if (sj_accel_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &edge16, &err) != SJ_OK) {
        stop(err.message);
    }
    if (argc < 2) {
        make_folder(folder);
    }
    snprintf(made, sizeof made, "%s/trace.h5", folder);
    const char *path = argc > 1 ? argv[1] : made;
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) {
        stop("out of memory");
    }
    *s = (shared){0};
    bench_print_machine();
    if (argc < 2) {
        in_a_process(make_trace, path, s);
    }
    in_a_process(read_alone, path, s);  // also warms the page cache for both
    s->bytes = s->datasets = 0;
    in_a_process(read_alone, path, s);
    in_a_process(run_whole, path, s);
    if (argc < 2) {
        unlink(made);
        rmdir(folder);
    }
    printf("HDF5 alone          %7.3f CPU-s %7.3f s   %llu datasets, %.1f MB\n", s->hdf5.cpu_seconds, s->hdf5.wall_seconds, (unsigned long long)s->datasets, 1e-6 * (double)s->bytes);
    printf("reading and lowering%7.3f CPU-s %7.3f s\n", s->lowering.cpu_seconds, s->lowering.wall_seconds);
    printf("fast model          %7.3f CPU-s %7.3f s   skip/bitmask, %.2f G MAC, %llu cycles\n", s->fast.cpu_seconds, s->fast.wall_seconds, 1e-9 * (double)s->macs, (unsigned long long)s->cycles);
    printf("end to end          %7.3f CPU-s %7.3f s   %.2f times HDF5 (CPU), %.2f times (wall); goal 2\n", s->all.cpu_seconds, s->all.wall_seconds,
           s->all.cpu_seconds / s->hdf5.cpu_seconds, s->all.wall_seconds / s->hdf5.wall_seconds);
    printf("peak memory         %7.1f MB, %.1f MB at the start, largest layer's tensors %.1f MB: %.1f MB beyond; goal 300\n", s->peak_mb, s->start_mb, s->largest_layer_mb,
           s->peak_mb - s->largest_layer_mb);
    return 0;
}
