// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_csv.h"
#include "store_internal.h"

typedef struct csv_target {
    const sj_store *s;
    FILE *f;
} csv_target;

static sj_status check_stream(const csv_target *t, sj_error *err) {
    return ferror(t->f) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write its points as CSV: %s", t->s->path, strerror(errno));
}

// The shortest form that reads back as the same double.
static void write_real(FILE *f, double value) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    fputs(text, f);
}

static void write_head(const csv_target *t) {
    fputs("id", t->f);
    for (int a = 0; a < t->s->space.axis_count; a++) {
        fputc(',', t->f);
        sj_csv_field(t->f, t->s->space.axes[a].name);
    }
    fputs(",valid,reason", t->f);
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        fprintf(t->f, ",%s", sj_sweep_value_names[v]);
    }
    fputc('\n', t->f);
}

static sj_status write_point(void *context, const sj_point_result *p, sj_error *err) {
    const csv_target *t = context;
    fprintf(t->f, "%" PRIu64, p->id);
    for (int a = 0; a < t->s->space.axis_count; a++) {
        fputc(',', t->f);
        sj_csv_field(t->f, sj_store_label(t->s, p->id, a));
    }
    fprintf(t->f, ",%d,", p->valid);
    sj_csv_field(t->f, p->reason);
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        fputc(',', t->f);
        if (p->valid || (v == SJ_SWEEP_area_mm2 && p->values[v] > 0.0)) {  // else it has none
            write_real(t->f, p->values[v]);
        }
    }
    fputc('\n', t->f);
    return check_stream(t, err);
}

sj_status sj_store_write_csv(sj_store *s, FILE *f, sj_error *err) {
    csv_target t = {s, f};
    write_head(&t);
    SJ_TRY(sj_store_each(s, write_point, &t, err));
    (void)fflush(f);  // sets the stream's error, which tells it
    return check_stream(&t, err);
}
