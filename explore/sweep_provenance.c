// SPDX-License-Identifier: Apache-2.0
// provenance.json beside the store: where a sweep comes from. What each process did stands in the store's table of runs.
#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_sweep_internal.h"

static json_t *trace_object(const sj_sweep_trace *t) { return json_pack("{s:s, s:s, s:s, s:f}", "path", t->path, "hash", t->hash, "step", t->describe, "weight", t->weight); }

static json_t *provenance_object(const sj_sweep *s) {
    char host[128] = "", began[32] = "";
    const time_t now = time(NULL);
    struct tm utc;
    (void)gethostname(host, sizeof host - 1);
    strftime(began, sizeof began, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_t *traces = json_array();
    for (int t = 0; t < s->about.trace_count; t++) {
        json_array_append_new(traces, trace_object(&s->about.traces[t]));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "version", s->request->version, "command", s->request->command, "host", host, "began", began, "sweep_file", s->request->config, "identity",
                     s->identity, "traces", traces);
}

sj_status sj_sweep_write_provenance(const sj_sweep *s, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    sj_atomic_file f;
    SJ_TRY(sj_sweep_file(s, path, err, "provenance.json"));
    json_t *object = provenance_object(s);
    if (object == NULL) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: a path or the command is no UTF-8 text, or there is no memory for it", path);
    }
    sj_status status = sj_atomic_open(&f, path, err);
    if (status == SJ_OK) {
        json_dumpf(object, f.stream, JSON_INDENT(2));  // a write error shows at the commit
        fputc('\n', f.stream);
        status = sj_atomic_commit(&f, err);
    }
    json_decref(object);
    return status;
}
