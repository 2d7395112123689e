// SPDX-License-Identifier: Apache-2.0
// Results: written in batches, read one by one or all.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "store_internal.h"

static sj_status check_units(const sj_store *s, const sj_point_result *p, sj_error *err) {
    if (p->unit_count != 0 && (!p->valid || p->unit_count != s->unit_count)) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: point %" PRIu64 " comes with %" PRId64 " layers and phases; %s", s->path, p->id, p->unit_count,
                       p->valid ? "the traces have another number" : "it is not valid");
    }
    for (int64_t u = 0; u < p->unit_count; u++) {
        const sj_unit_result *unit = &p->units[u];
        if (unit->cycles > INT64_MAX || unit->dram_bytes > INT64_MAX) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: point %" PRIu64 " has %" PRIu64 " cycles and %" PRIu64 " DRAM bytes in layer and phase %" PRId64 "; a store holds less than 2^63", s->path,
                           p->id, unit->cycles, unit->dram_bytes, u);
        }
        if (!isfinite(unit->energy_pj)) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s: point %" PRIu64 " has an energy of %g pJ in layer and phase %" PRId64, s->path, p->id, unit->energy_pj, u);
        }
    }
    return SJ_OK;
}

// Before anything is written: what comes back must be what was put.
static sj_status check_result(const sj_store *s, const sj_point_result *p, sj_error *err) {
    if (p->id >= s->space.size) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: there is no point %" PRIu64 " in a space of %" PRIu64, s->path, p->id, s->space.size);
    }
    if (memchr(p->reason, '\0', sizeof p->reason) == NULL) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: the reason of point %" PRIu64 " has no end", s->path, p->id);
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        if (!isfinite(p->values[v])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s: %s of point %" PRIu64 " is %g", s->path, sj_sweep_value_names[v], p->id, p->values[v]);
        }
    }
    return check_units(s, p, err);
}

static sj_status write_layers(sj_store *s, const sj_point_result *p, sj_error *err) {
    for (int64_t u = 0; u < p->unit_count;) {
        const bool many = p->unit_count - u >= SJ_STORE_LAYERS_AT_ONCE;
        const int64_t end = u + (many ? SJ_STORE_LAYERS_AT_ONCE : 1);
        sqlite3_stmt *q = NULL;
        SJ_TRY(sj_store_query_of(s, many ? SJ_QUERY_PUT_LAYERS : SJ_QUERY_PUT_LAYER, &q, err));
        sj_store_binder b = sj_store_bind(q);
        for (; u < end; u++) {
            sj_store_bind_int(&b, (int64_t)p->id);
            sj_store_bind_int(&b, u);
            sj_store_bind_int(&b, (int64_t)p->units[u].cycles);
            sj_store_bind_real(&b, p->units[u].energy_pj);
            sj_store_bind_int(&b, (int64_t)p->units[u].dram_bytes);
        }
        SJ_TRY(sj_store_run_bound(s, &b, "write results", err));
    }
    return SJ_OK;
}

sj_status sj_store_write_point(sj_store *s, const sj_point_result *p, int64_t run, bool *added, sj_error *err) {
    const uint64_t layer_check = sj_check_units(p->units, p->unit_count);
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_PUT_POINT, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, (int64_t)p->id);
    sj_store_bind_int(&b, p->valid);
    sj_store_bind_text(&b, p->reason);
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        sj_store_bind_real(&b, p->values[v]);
    }
    sj_store_bind_int(&b, p->unit_count);
    sj_store_bind_int(&b, (int64_t)layer_check);
    sj_store_bind_int(&b, (int64_t)sj_check_point(p, p->unit_count, layer_check));
    if (run != 0) {
        sj_store_bind_int(&b, run);
    } else {
        sj_store_bind_text(&b, NULL);
    }
    SJ_TRY(sj_store_run_bound(s, &b, "write results", err));
    *added = sqlite3_changes(s->db) == 1;
    return *added ? write_layers(s, p, err) : SJ_OK;
}

static sj_status write_all(sj_store *s, const sj_point_result *results, int64_t count, sj_error *err) {
    int64_t added_count = 0;
    for (int64_t i = 0; i < count; i++) {
        bool added = false;
        SJ_TRY(sj_store_write_point(s, &results[i], s->run, &added, err));
        added_count += added;
    }
    if (s->run == 0 || added_count == 0) {
        return SJ_OK;
    }
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_RUN_POINTS, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, added_count);
    sj_store_bind_int(&b, s->run);
    return sj_store_run_bound(s, &b, "write results", err);
}

sj_status sj_store_put(sj_store *s, const sj_point_result *results, int64_t count, sj_error *err) {
    for (int64_t i = 0; i < count; i++) {
        SJ_TRY(check_result(s, &results[i], err));
    }
    SJ_TRY(sj_store_begin(s, "write results", err));
    return sj_store_end(s, write_all(s, results, count, err), "write results", err);
}

sj_status sj_store_read_point(const sj_store *s, sqlite3_stmt *q, sj_store_row *out, sj_error *err) {
    *out = (sj_store_row){.point = {.id = (uint64_t)sqlite3_column_int64(q, 0), .valid = sqlite3_column_int64(q, 1) != 0}};
    const char *reason = (const char *)sqlite3_column_text(q, 2);
    (void)snprintf(out->point.reason, sizeof out->point.reason, "%s", reason != NULL ? reason : "");
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        out->point.values[v] = sqlite3_column_double(q, 3 + v);
    }
    out->layer_count = sqlite3_column_int64(q, 3 + SJ_SWEEP_VALUE_COUNT);
    out->layer_check = (uint64_t)sqlite3_column_int64(q, 4 + SJ_SWEEP_VALUE_COUNT);
    out->run = sqlite3_column_int64(q, 6 + SJ_SWEEP_VALUE_COUNT);
    if ((uint64_t)sqlite3_column_int64(q, 5 + SJ_SWEEP_VALUE_COUNT) != sj_check_point(&out->point, out->layer_count, out->layer_check)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged: point %" PRIu64 " does not fit its check value", s->path, out->point.id);
    }
    return SJ_OK;
}

static sj_status read_rows(sj_store *s, sqlite3_stmt *q, const sj_store_row *row, sj_unit_result *units, bool *whole, sj_error *err) {
    int64_t unit = 0;
    *whole = true;
    for (bool more = true;; unit++) {
        SJ_TRY(sj_store_step(s, q, "read layers", &more, err));
        if (!more) {
            *whole = unit == row->layer_count;
            return SJ_OK;
        }
        if (unit >= row->layer_count || sqlite3_column_int64(q, 0) != unit) {
            *whole = false;
            (void)sqlite3_reset(q);
            return SJ_OK;
        }
        units[unit] = (sj_unit_result){(uint64_t)sqlite3_column_int64(q, 1), (uint64_t)sqlite3_column_int64(q, 3), sqlite3_column_double(q, 2)};
    }
}

sj_status sj_store_read_layers(sj_store *s, const sj_store_row *row, sj_unit_result *units, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_LAYERS, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, (int64_t)row->point.id);
    bool whole = false;
    SJ_TRY(b.code == SQLITE_OK ? read_rows(s, q, row, units, &whole, err) : sj_store_fail(s, b.code, "read layers", err));
    if (!whole || sj_check_units(units, row->layer_count) != row->layer_check) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged: the layers of point %" PRIu64 " do not fit their check value", s->path, row->point.id);
    }
    return SJ_OK;
}

static sj_status read_one(sj_store *s, uint64_t id, sj_store_row *out, bool *found, sj_error *err) {
    *found = false;
    if (id >= s->space.size) {
        return SJ_OK;
    }
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_GET, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, (int64_t)id);
    SJ_TRY(b.code == SQLITE_OK ? sj_store_step(s, q, "read a point", found, err) : sj_store_fail(s, b.code, "read a point", err));
    const sj_status status = *found ? sj_store_read_point(s, q, out, err) : SJ_OK;
    (void)sqlite3_reset(q);
    return status;
}

sj_status sj_store_get(sj_store *s, uint64_t id, sj_point_result *out, bool *found, sj_error *err) {
    sj_store_row row = {0};
    SJ_TRY(read_one(s, id, &row, found, err));
    *out = row.point;
    return SJ_OK;
}

sj_status sj_store_units(sj_store *s, uint64_t id, sj_unit_result *units, int64_t unit_count, sj_error *err) {
    sj_store_row row = {0};
    bool found = false;
    if (unit_count != s->unit_count) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: room for %" PRId64 " layers and phases where the traces have %" PRId64, s->path, unit_count, s->unit_count);
    }
    SJ_TRY(read_one(s, id, &row, &found, err));
    if (!found) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: point %" PRIu64 " is not there", s->path, id);
    }
    if (row.layer_count != s->unit_count) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: point %" PRIu64 " has no layers: %s", s->path, id, row.point.valid ? "they were not kept" : row.point.reason);
    }
    return sj_store_read_layers(s, &row, units, err);
}

static sj_status find_each(sj_store *s, const uint64_t *ids, int64_t count, bool *done, sj_error *err) {
    sqlite3_stmt *q = NULL;
    for (int64_t i = 0; i < count; i++) {
        done[i] = false;
        if (ids[i] < s->space.size) {
            SJ_TRY(sj_store_query_of(s, SJ_QUERY_HAS, &q, err));
            sj_store_binder b = sj_store_bind(q);
            sj_store_bind_int(&b, (int64_t)ids[i]);
            SJ_TRY(b.code == SQLITE_OK ? sj_store_step(s, q, "look for points", &done[i], err) : sj_store_fail(s, b.code, "look for points", err));
            (void)sqlite3_reset(q);
        }
    }
    return SJ_OK;
}

sj_status sj_store_has(sj_store *s, const uint64_t *ids, int64_t count, bool *done, sj_error *err) {
    SJ_TRY(sj_store_exec(s, "BEGIN", "look for points", err));  // one read lock for all of them
    return sj_store_end(s, find_each(s, ids, count, done, err), "look for points", err);
}

sj_status sj_store_count(sj_store *s, sj_store_counts *out, sj_error *err) {
    sqlite3_stmt *q = NULL;
    bool row = false;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_COUNT, &q, err));
    SJ_TRY(sj_store_step(s, q, "count points", &row, err));
    *out = (sj_store_counts){(uint64_t)sqlite3_column_int64(q, 0), (uint64_t)sqlite3_column_int64(q, 1)};
    (void)sqlite3_reset(q);
    return SJ_OK;
}

sj_status sj_store_each(sj_store *s, sj_status (*each)(void *context, const sj_point_result *point, sj_error *err), void *context, sj_error *err) {
    sqlite3_stmt *q = NULL;  // of its own: `each` may read other points
    SJ_TRY(sj_store_prepare(s, "SELECT " SJ_STORE_POINT_COLUMNS " FROM points ORDER BY id", &q, err));
    sj_status status = SJ_OK;
    for (bool more = true; status == SJ_OK;) {
        sj_store_row row;
        status = sj_store_step(s, q, "read points", &more, err);
        if (status != SJ_OK || !more) {
            break;
        }
        status = sj_store_read_point(s, q, &row, err);
        status = status == SJ_OK ? each(context, &row.point, err) : status;
    }
    (void)sqlite3_finalize(q);
    return status;
}
