// SPDX-License-Identifier: Apache-2.0
// Slices are begin and end events, not events with a duration: two slices that touch then have the very same text for their common time, however a viewer rounds it.
#include "sj_timeline_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "power_bins.h"
#include "sj_file.h"

#define PROCESS 1
#define THREAD_LAYERS 1
#define THREAD_TRACKS 2  // + sj_track, but for rows
#define THREAD_ROWS 10   // + row
#define PS_A_KHZ 1000000000  // picoseconds of a cycle at 1 kHz

// Slices of one track that are drawn together: from the first begin to the last end.
typedef struct joined {
    uint64_t count, begin, end, busy;
} joined;

struct sj_timeline_file {
    sj_atomic_file file;
    sj_timeline_head head;
    sj_timeline_sink sink;
    sj_power_bins power;
    bool any;                     // an event was written
    uint64_t now;                 // cycles: begin of the job at hand, or end of the last
    const char *layer, *phase;    // the layer's at hand; borrowed
    joined *joined_tracks;        // by thread, of the job at hand
    int thread_count;
    sj_timeline_summary sum;
};

// Bytes of the UTF-8 character at p, 0 where there is none: a stray or missing byte, a code that has a shorter form, a surrogate, beyond U+10FFFF.
static int utf8_length(const unsigned char *p) {
    if (p[0] < 0x80) {
        return 1;
    }
    const int length = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {  // the end of the text, too
            return 0;
        }
    }
    const bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    const bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 0 : length;
}

// As the inside of a JSON text; bytes that are no UTF-8 become U+FFFD.
static void write_text(FILE *f, const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    while (*p != '\0') {
        const int length = utf8_length(p);
        if (length == 0) {
            fputs("\\ufffd", f);
        } else if (*p < 0x20) {
            fprintf(f, "\\u%04x", *p);
        } else {
            if (*p == '"' || *p == '\\') {
                fputc('\\', f);
            }
            fwrite(p, 1, (size_t)length, f);
        }
        p += length > 0 ? length : 1;
    }
}

// Microseconds with as many decimals as picoseconds need.
static void write_time(const sj_timeline_file *f, uint64_t cycles) {
    __extension__ typedef unsigned __int128 wide;
    const uint64_t ps = (uint64_t)((wide)cycles * PS_A_KHZ / (wide)f->head.clock_khz);
    if (ps % 1000 == 0) {
        fprintf(f->file.stream, "%" PRIu64 ".%03" PRIu64, ps / 1000000, ps / 1000 % 1000);
    } else {
        fprintf(f->file.stream, "%" PRIu64 ".%06" PRIu64, ps / 1000000, ps % 1000000);
    }
}

static void next_event(sj_timeline_file *f) {
    fputs(f->any ? ",\n" : "\n", f->file.stream);
    f->any = true;
}

// An event up to its time; the caller closes the object.
static void start_event(sj_timeline_file *f, char kind, int thread, uint64_t cycles) {
    next_event(f);
    fprintf(f->file.stream, "{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d,\"ts\":", kind, PROCESS, thread);
    write_time(f, cycles);
}

// Begins a slice whose name starts with the layer and its phase; the caller ends the name and the object.
static void begin_named(sj_timeline_file *f, int thread, uint64_t cycles) {
    start_event(f, 'B', thread, cycles);
    fputs(",\"name\":\"", f->file.stream);
    write_text(f->file.stream, f->layer);
    fprintf(f->file.stream, " %s", f->phase);
}

static void end_slice(sj_timeline_file *f, int thread, uint64_t cycles) {
    start_event(f, 'E', thread, cycles);
    fputc('}', f->file.stream);
}

static void metadata(sj_timeline_file *f, const char *what, int thread, const char *key, const char *value) {
    next_event(f);
    fprintf(f->file.stream, "{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\",\"args\":{\"%s\":%s}}", PROCESS, thread, what, key, value);
}

static void name_thread(sj_timeline_file *f, int thread, const char *name) {
    char value[64];
    snprintf(value, sizeof value, "\"%s\"", name);
    metadata(f, "thread_name", thread, "name", value);
    snprintf(value, sizeof value, "%d", thread);
    metadata(f, "thread_sort_index", thread, "sort_index", value);
}

static void name_tracks(sj_timeline_file *f) {
    static const char *const names[SJ_TRACK_COUNT] = {[SJ_TRACK_DRAM] = "DRAM channel", [SJ_TRACK_LOADER] = "loader", [SJ_TRACK_OBUS] = "O bus", [SJ_TRACK_VECTOR] = "vector unit"};
    next_event(f);
    fprintf(f->file.stream, "{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"process_name\",\"args\":{\"name\":\"", PROCESS, THREAD_LAYERS);
    write_text(f->file.stream, f->head.machine);
    fputs("\"}}", f->file.stream);
    name_thread(f, THREAD_LAYERS, "layers and jobs");
    for (int t = 0; t < SJ_TRACK_COUNT; t++) {
        if (names[t] != NULL) {
            name_thread(f, THREAD_TRACKS + t, names[t]);
        }
    }
    for (int64_t r = 0; r < f->head.rows; r++) {
        char text[32];
        snprintf(text, sizeof text, "row %" PRId64, r);
        name_thread(f, THREAD_ROWS + (int)r, text);
    }
}

static int thread_of(const sj_slice *s) { return s->track == SJ_TRACK_ROW ? THREAD_ROWS + (int)s->row : THREAD_TRACKS + (int)s->track; }

static void take_slice(void *context, const sj_slice *s) {
    sj_timeline_file *f = context;
    const int thread = thread_of(s);
    const uint64_t begin = f->now + s->begin, end = f->now + s->end;
    sj_power_bins_busy(&f->power, (int)s->track, begin, end);
    if (f->sum.slices++ >= f->head.slices_max) {
        joined *j = &f->joined_tracks[thread];
        j->begin = j->count == 0 ? begin : j->begin;
        j->end = end;
        j->busy += end - begin;
        j->count++;
        f->sum.joined++;
        return;
    }
    begin_named(f, thread, begin);
    fprintf(f->file.stream, " %s %" PRId64 "\"}", s->what, s->index);
    end_slice(f, thread, end);
}

static void write_joined(sj_timeline_file *f) {
    for (int thread = 0; thread < f->thread_count; thread++) {
        const joined *j = &f->joined_tracks[thread];
        if (j->count > 0) {
            begin_named(f, thread, j->begin);
            fprintf(f->file.stream, ", %" PRIu64 " together\",\"args\":{\"slices\":%" PRIu64 ",\"busy_cycles\":%" PRIu64 "}}", j->count, j->count, j->busy);
            end_slice(f, thread, j->end);
        }
    }
    memset(f->joined_tracks, 0, (size_t)f->thread_count * sizeof *f->joined_tracks);
}

sj_status sj_timeline_file_open(const char *path, const sj_timeline_head *head, sj_timeline_file **out, sj_error *err) {
    *out = NULL;
    void *memory, *tracks;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_timeline_file), "the timeline", err));
    sj_timeline_file *f = memory;
    f->head = *head;
    f->sink = (sj_timeline_sink){take_slice, f};
    f->thread_count = THREAD_ROWS + (int)head->rows;
    sj_power_bins_start(&f->power);
    sj_status status = sj_alloc(&tracks, (uint64_t)f->thread_count, sizeof(joined), "the timeline", err);
    f->joined_tracks = status == SJ_OK ? tracks : NULL;
    status = status == SJ_OK ? sj_atomic_open(&f->file, path, err) : status;
    if (status != SJ_OK) {
        free(f->joined_tracks);
        free(f);
        return status;
    }
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", f->file.stream);
    name_tracks(f);
    *out = f;
    return SJ_OK;
}

void sj_timeline_file_begin_layer(sj_timeline_file *f, const char *layer, sj_phase phase) {
    f->layer = layer;
    f->phase = sj_phase_name(phase);
    begin_named(f, THREAD_LAYERS, f->now);
    fputs("\"}", f->file.stream);
}

void sj_timeline_file_end_layer(sj_timeline_file *f) { end_slice(f, THREAD_LAYERS, f->now); }

const sj_timeline_sink *sj_timeline_file_begin_job(sj_timeline_file *f, int number, int count) {
    begin_named(f, THREAD_LAYERS, f->now);
    fprintf(f->file.stream, " job %d of %d\"}", number + 1, count);
    return &f->sink;
}

sj_status sj_timeline_file_end_job(sj_timeline_file *f, const sj_outcome *outcome, sj_error *err) {
    const uint64_t end = f->now + outcome->cycles;
    write_joined(f);
    sj_power_bins_job(&f->power, f->head.prices, outcome, f->now, end);
    f->sum.energy_pj += sj_price(f->head.prices, &outcome->counts, SJ_TYPICAL).total_pj;
    f->sum.cycles = f->now = end;
    end_slice(f, THREAD_LAYERS, end);
    return ferror(f->file.stream) ? SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write the timeline; is the disk full?", f->file.path) : SJ_OK;
}

static double power_mw(double energy_pj, uint64_t cycles, int64_t clock_khz) { return energy_pj * (double)clock_khz / ((double)cycles * 1e6); }  // pJ a ns

static void write_bin(sj_timeline_file *f, uint64_t bin) {
    const uint64_t begin = bin * f->power.width, rest = f->now - begin, cycles = rest < f->power.width ? rest : f->power.width;
    double total = 0.0;
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        total += f->power.energy_pj[c][bin];
    }
    start_event(f, 'C', THREAD_LAYERS, begin);
    fprintf(f->file.stream, ",\"name\":\"power\",\"args\":{\"mW\":%.9g}}", power_mw(total, cycles, f->head.clock_khz));
    start_event(f, 'C', THREAD_LAYERS, begin);
    fputs(",\"name\":\"power, mW\",\"args\":{", f->file.stream);
    const char *between = "";
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        if (f->power.met[c]) {
            fprintf(f->file.stream, "%s\"%s\":%.9g", between, sj_component_names[c], power_mw(f->power.energy_pj[c][bin], cycles, f->head.clock_khz));
            between = ",";
        }
    }
    fputs("}}", f->file.stream);
}

static void write_power(sj_timeline_file *f) {
    for (uint64_t bin = 0; bin * f->power.width < f->now; bin++) {
        write_bin(f, bin);
    }
    start_event(f, 'C', THREAD_LAYERS, f->now);  // the last value would last for ever
    fputs(",\"name\":\"power\",\"args\":{\"mW\":0}}", f->file.stream);
    start_event(f, 'C', THREAD_LAYERS, f->now);
    fputs(",\"name\":\"power, mW\",\"args\":{", f->file.stream);
    const char *between = "";
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        if (f->power.met[c]) {
            fprintf(f->file.stream, "%s\"%s\":0", between, sj_component_names[c]);
            between = ",";
        }
    }
    fputs("}}", f->file.stream);
}

static void release(sj_timeline_file *f) {
    free(f->joined_tracks);
    free(f);
}

sj_status sj_timeline_file_close(sj_timeline_file *f, sj_timeline_summary *summary, sj_error *err) {
    write_power(f);
    fputs("\n],\"otherData\":{\"machine\":\"", f->file.stream);
    write_text(f->file.stream, f->head.machine);
    fprintf(f->file.stream, "\",\"clock_khz\":%" PRId64 ",\"cycles\":%" PRIu64 ",\"energy_pj\":%.17g,\"slices\":%" PRIu64 ",\"drawn_together\":%" PRIu64 "}}\n",
            f->head.clock_khz, f->sum.cycles, f->sum.energy_pj, f->sum.slices, f->sum.joined);
    if (summary != NULL) {
        *summary = f->sum;
    }
    const sj_status status = sj_atomic_commit(&f->file, err);
    release(f);
    return status;
}

void sj_timeline_file_abandon(sj_timeline_file *f) {
    if (f != NULL) {
        sj_atomic_abandon(&f->file);
        release(f);
    }
}
