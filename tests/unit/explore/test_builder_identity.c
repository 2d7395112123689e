// SPDX-License-Identifier: Apache-2.0
// A sweep's identity: another one wherever results may differ, the same otherwise. A point's command: read back word by word it is the point.
#include "builder_fixture.h"

static int enter(void **state) {
    (void)state;
    if (!sj_test_enter_folder(folder)) {
        return -1;
    }
    char *accel = shipped_text("accel", "edge16"), *tech = shipped_text("tech", "45nm");
    write_text("own.cfg", accel);
    write_text("second.cfg", accel);
    write_text("tech.cfg", tech);
    write_text("named.cfg", tech);
    free(accel);
    free(tech);
    return 0;
}

static int leave(void **state) {
    (void)state;
    return sj_test_leave_folder(folder) ? 0 : -1;
}

static uint64_t identity_of(const char *text) {
    sweep *s = open_sweep(text);
    uint64_t first, again;
    assert_int_equal(sj_builder_identity(s->builder, &first, &err), SJ_OK);
    make(s, s->config.space.size - 1);
    assert_int_equal(sj_builder_identity(s->builder, &again, &err), SJ_OK);
    assert_true(first == again);
    close_sweep(s);
    return first;
}

static const char plain[] = "name = \"n\";\naccel = \"own.cfg\";\ntech = \"tech.cfg\";\nset = [\"mapping.swap=never\", \"tech.wire.typical=0.1\"];\nmachine = \"gate\";\nstep = \"last-train\";\nbatch = 16;\n"
                            "layers = [\"conv1\", \"conv2\"];\nphase = \"forward\";\nfuse = true;\nquantise = false;\nweights = [1.0, 2.0];\n"
                            "axes = ( { path = \"array.rows\"; values = [8, 16]; },\n { name = \"shape\"; paths = [\"array.lanes\", \"array.slots\"]; values = ([4, 8], [8, 4]); } );\n"
                            "constraints = [\"array.rows < 64\", \"area_mm2 < 100\"];\nobjectives = [\"energy_pj\"];\nstrategy = { kind = \"random\"; points = 3; seed = 5; };\nstore = { layers = true; };\n"
                            "slurm = { time = \"01:00:00\"; points_per_task = 5; };\n";

// Of both: what is edited, and into what.
typedef struct edit {
    const char *from, *to;
} edit;

static uint64_t identity_with(const edit *e) {
    char *text = edited(plain, e->from, e->to);
    const uint64_t identity = identity_of(text);
    free(text);
    return identity;
}

// Every one differs from the plain sweep, and from every other.
static void what_results_depend_on_changes_the_identity(void **state) {
    (void)state;
    static const edit edits[] = {
        {"tech = \"tech.cfg\"", "tech = \"32nm\""},
        {"tech = \"tech.cfg\";", ""},
        {"mapping.swap=never", "mapping.swap=always"},
        {"tech.wire.typical=0.1", "tech.wire.typical=0.11"},
        {"\"mapping.swap=never\", ", ""},
        {"set = [", "set = [\"vector.lanes=8\", "},
        {"machine = \"gate\"", "machine = \"skip\""},
        {"machine = \"gate\"", "machine = \"dense\""},
        {"step = \"last-train\"", "step = \"last-eval\""},
        {"step = \"last-train\"", "step = 5"},
        {"step = \"last-train\";", ""},
        {"batch = 16", "batch = 17"},
        {"batch = 16;", ""},
        {"\"conv1\", \"conv2\"", "\"conv1\", \"conv3\""},
        {"\"conv1\", \"conv2\"", "\"conv1\""},
        {"layers = [\"conv1\", \"conv2\"];", ""},
        {"phase = \"forward\"", "phase = \"grad_input\""},
        {"phase = \"forward\";", ""},
        {"fuse = true", "fuse = false"},
        {"quantise = false", "quantise = true"},
        {"array.rows\"; values = [8, 16]", "array.rows\"; values = [8, 17]"},
        {"array.rows\"; values = [8, 16]", "array.rows\"; values = [9, 16]"},
        {"array.rows\"; values = [8, 16]", "array.rows\"; values = [8, 16, 32]"},
        {"array.rows\"; values = [8, 16]", "array.rows\"; values = [8]"},
        {"path = \"array.rows\"", "path = \"bus.a_bytes\""},
        {"([4, 8], [8, 4])", "([4, 8], [8, 5])"},
        {"([4, 8], [8, 4])", "([4, 9], [8, 4])"},
        {"([4, 8], [8, 4])", "([8, 4], [4, 8])"},
        {"[\"array.lanes\", \"array.slots\"]", "[\"array.slots\", \"array.lanes\"]"},
        {" } );\nconstraints", " }, { path = \"clock_mhz\"; values = [500.0]; } );\nconstraints"},
        {"array.rows < 64", "array.rows < 65"},
        {", \"area_mm2 < 100\"", ""},
        {"constraints = [\"array.rows < 64\", \"area_mm2 < 100\"];", ""},
        {"\"array.rows < 64\", ", "\"array.rows < 64\", \"array.lanes < 64\", "},
        // A layer is no constraint, and no setting.
        {"\"conv1\", \"conv2\"];", "\"conv1\", \"conv2\", \"array.rows < 64\"];"},
        {"\"conv1\", \"conv2\"];", "\"tech.wire.typical=0.1\", \"conv1\", \"conv2\"];"},
        {"[\"mapping.swap=never\", \"tech.wire.typical=0.1\"];", "[\"mapping.swap=never\"];"},
    };
    enum { EDITS = sizeof edits / sizeof *edits };
    uint64_t seen[EDITS + 1] = {identity_of(plain)};
    for (int i = 0; i < EDITS; i++) {
        seen[i + 1] = identity_with(&edits[i]);
        for (int j = 0; j <= i; j++) {
            if (seen[j] == seen[i + 1]) {
                fail_msg("\"%s\" -> \"%s\" leaves the identity as it is with edit %d", edits[i].from, edits[i].to, j - 1);
            }
        }
    }
}

// The same texts in the same order, and another list ends behind the first.
static void lists_do_not_run_into_each_other(void **state) {
    (void)state;
    static const char *const set_or_layer[] = {"set = [\"mapping.swap=never\", \"vector.lanes=8\"]; layers = [\"conv1\"];", "set = [\"mapping.swap=never\"]; layers = [\"vector.lanes=8\", \"conv1\"];"},
                      *const layer_or_constraint[] = {"layers = [\"conv1\", \"batch > 2\"]; constraints = [\"batch > 1\"];", "layers = [\"conv1\"]; constraints = [\"batch > 2\", \"batch > 1\"];"},
                      *const *const pairs[] = {set_or_layer, layer_or_constraint};
    for (int i = 0; i < 2; i++) {
        uint64_t identity[2];
        for (int k = 0; k < 2; k++) {
            char text[512];
            snprintf(text, sizeof text, "name = \"n\"; accel = \"own.cfg\"; batch = 4; axes = ( { path = \"array.rows\"; values = [8, 16]; } ); %s", pairs[i][k]);
            identity[k] = identity_of(text);
        }
        assert_true(identity[0] != identity[1]);
    }
}

static void what_results_do_not_depend_on_does_not(void **state) {
    (void)state;
    static const edit edits[] = {
        {"name = \"n\"", "name = \"another\""},
        {"objectives = [\"energy_pj\"]", "objectives = [\"cycles\", \"area_mm2\"]"},
        {"strategy = { kind = \"random\"; points = 3; seed = 5; };", ""},
        {"seed = 5", "seed = 6"},
        {"kind = \"random\"", "kind = \"sobol\""},
        {"slurm = { time = \"01:00:00\"; points_per_task = 5; };", ""},
        {"points_per_task = 5", "points_per_task = 6"},
        {"weights = [1.0, 2.0];", ""},
        {"batch = 16;", "\n// the batch\nbatch = 16L;"},
        {"name = \"shape\"", "name = \"form\""},
    };
    const uint64_t wanted = identity_of(plain);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        if (identity_with(&edits[i]) != wanted) {
            fail_msg("\"%s\" -> \"%s\" changes the identity", edits[i].from, edits[i].to);
        }
    }
}

// The text of every file that some point reads, be it of the second base, or of a technology that an axis names.
static void files_are_part_of_the_identity(void **state) {
    (void)state;
    static const char bases[] = "name = \"n\"; axes = ( { path = \"accel\"; values = [\"own.cfg\", \"second.cfg\"]; }, { path = \"array.rows\"; values = [8, 16]; } );",
                      techs[] = "name = \"n\"; accel = \"own.cfg\"; axes = ( { path = \"tech_file\"; values = [\"tech.cfg\", \"named.cfg\"]; } );",
                      linked[] = "name = \"n\"; axes = ( { name = \"who\"; paths = [\"array.rows\", \"accel\", \"tech_file\"]; values = ((8, \"own.cfg\", \"tech.cfg\"), (16, \"second.cfg\", \"named.cfg\")); } );";
    static const struct {
        const char *sweep, *file;
        bool read;
    } cases[] = {
        {plain, "own.cfg", true},  {plain, "tech.cfg", true},  {plain, "second.cfg", false}, {plain, "named.cfg", false},  {bases, "own.cfg", true},    {bases, "second.cfg", true},
        {techs, "own.cfg", true},  {techs, "tech.cfg", true},  {techs, "named.cfg", true},   {techs, "second.cfg", false}, {linked, "second.cfg", true}, {linked, "named.cfg", true},
        {linked, "own.cfg", true}, {linked, "tech.cfg", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL, *changed;
        size_t bytes;
        const uint64_t before = identity_of(cases[i].sweep);
        assert_int_equal(sj_read_file(cases[i].file, &text, &bytes, &err), SJ_OK);
        changed = edited(text, "name = ", "name  = ");
        write_text(cases[i].file, changed);
        if ((identity_of(cases[i].sweep) != before) != cases[i].read) {
            fail_msg("case %zu: %s", i, cases[i].file);
        }
        write_text(cases[i].file, text);
        assert_true(identity_of(cases[i].sweep) == before);
        free(text);
        free(changed);
    }
    // A base's own technology, which neither tech nor an axis names.
    char *text = NULL;
    size_t bytes;
    assert_int_equal(sj_read_file("own.cfg", &text, &bytes, &err), SJ_OK);
    char *own = edited(text, "\"45nm\"", "\"named.cfg\"");
    write_text("own.cfg", own);
    static const char sweep_text[] = "name = \"n\"; accel = \"own.cfg\"; axes = ( { path = \"array.rows\"; values = [8, 16]; } );";
    const uint64_t before = identity_of(sweep_text);
    char *tech = shipped_text("tech", "45nm"), *changed = edited(tech, "name = ", "name  = ");
    write_text("named.cfg", changed);
    assert_true(identity_of(sweep_text) != before);
    free(text);
    free(own);
    free(tech);
    free(changed);
}

static void a_missing_file_is_told(void **state) {
    (void)state;
    static const char *const sweeps[] = {
        "name = \"n\"; axes = ( { path = \"accel\"; values = [\"own.cfg\", \"third.cfg\"]; } );",
        "name = \"n\"; accel = \"own.cfg\"; axes = ( { path = \"tech_file\"; values = [\"45nm\", \"third.cfg\"]; } );",
    };
    for (int i = 0; i < 2; i++) {
        sweep *s = open_sweep(sweeps[i]);
        uint64_t identity;
        assert_int_equal(sj_builder_identity(s->builder, &identity, &err), SJ_ERR_IO);
        assert_says(err.message, "third.cfg");
        assert_int_equal(sj_builder_make(s->builder, 1, &s->built, &s->valid, s->reason, &err), SJ_ERR_IO);
        assert_int_equal(sj_builder_make(s->builder, 1, &s->built, &s->valid, s->reason, &err), SJ_ERR_IO);  // and stays so
        close_sweep(s);
    }
}

// ---- commands

enum { WORDS_MAX = 400 };
typedef struct words {
    int count, at;
    char *word[WORDS_MAX];
} words;

// As a shell splits them.
static void split(const char *command, words *w) {
    char script[9000], line[4096];
    snprintf(script, sizeof script, "printf '%%s\\n' %s", command);
    FILE *f = popen(script, "r");
    assert_non_null(f);
    memset(w, 0, sizeof *w);
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        assert_true(w->count < WORDS_MAX);
        w->word[w->count++] = strdup(line);
    }
    assert_int_equal(pclose(f), 0);
}

static void free_words(words *w) {
    for (int i = 0; i < w->count; i++) {
        free(w->word[i]);
    }
}

// The value of an option that comes next; NULL: another comes.
static const char *take(words *w, const char *option) {
    if (w->at + 1 >= w->count || strcmp(w->word[w->at], option) != 0) {
        return NULL;
    }
    w->at += 2;
    return w->word[w->at - 1];
}

static bool take_flag(words *w, const char *flag) {
    const bool there = w->at < w->count && strcmp(w->word[w->at], flag) == 0;
    w->at += there;
    return there;
}

static void assert_text(const char *met, const char *wanted) {
    if (wanted == NULL) {
        assert_null(met);
    } else {
        assert_non_null(met);
        assert_string_equal(met, wanted);
    }
}

// The command as `sim` takes it: the same machine at the same prices, and the same part of a trace.
static void check_command(sweep *s, uint64_t id) {
    char command[8192];
    words w;
    const sj_sweep_config *c = &s->config;
    by_hand *h = calloc(1, sizeof *h);
    assert_non_null(h);
    make(s, id);
    assert_true(s->valid);
    if (sj_builder_command(s->builder, id, command, sizeof command, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    split(command, &w);
    const char *accel = take(&w, "--accel"), *machine = take(&w, "--variants"), *codec = take(&w, "--codecs"), *set, *number;
    assert_true(accel != NULL && machine != NULL && codec != NULL);
    h->accel_name = strdup(accel);
    h->machine = strdup(machine);
    while ((set = take(&w, "--set")) != NULL) {
        const bool tech = strncmp(set, "tech.", 5) == 0;
        snprintf(tech ? h->tech_sets[h->tech_count++] : h->accel_sets[h->accel_count++], sizeof h->tech_sets[0], "%s", tech ? set + 5 : set);
    }
    hand_read(h);
    assert_int_equal(h->status, SJ_OK);
    assert_same_accel(&h->accel, &s->built.point.accel);
    assert_string_equal(codec, sj_codec_name(h->accel.codec));
    assert_int_equal(hand_machine(h), s->built.point.machine);
    assert_int_equal(sj_tech_prices(h->tech, &h->accel, hand_machine(h), &h->prices, &err), SJ_OK);
    assert_same_prices(&h->prices, &s->built.prices);
    number = take(&w, "--batch");
    assert_int_equal(number != NULL ? strtoll(number, NULL, 10) : 0, s->built.point.batch);
    assert_text(take(&w, "--step"), c->step);
    for (int i = 0; i < c->layer_count; i++) {
        assert_text(take(&w, "--layer"), c->layers[i]);
    }
    assert_text(take(&w, "--phase"), c->phase);
    assert_int_equal(take_flag(&w, "--no-fuse"), !c->fuse);
    assert_int_equal(take_flag(&w, "--quantise"), c->quantise && h->accel.dtype == SJ_DTYPE_INT8);
    assert_int_equal(w.at, w.count);
    free_words(&w);
    free_by_hand(h);
}

static void commands_are_the_points(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(61));
    char *accel = shipped_text("accel", "edge16");
    write_text("it's a \"good\" $HOME; `machine`.cfg", accel);
    free(accel);
    static const char *const sweeps[] = {
        plain,
        "name = \"n\"; accel = \"edge16\"; axes = ( { path = \"array.rows\"; values = [8, 16]; } );",
        "name = \"n\"; quantise = true; fuse = false; step = 12; layers = [\"it's\", \"$HOME * ~ \\\\\", \"a  b\"]; tech = \"named.cfg\"; set = [\"vector.lanes=24\", \"name=\\\"two  words\\\"\", \"tech.wire.source=\\\"mine: 'x' & y\\\"\"];\n"
        "axes = ( { path = \"accel\"; values = [\"edge16\", \"it's a \\\"good\\\" $HOME; `machine`.cfg\"]; }, { path = \"machine\"; values = [\"dense\", \"skip\", \"gate\"]; }, { path = \"batch\"; values = [1, 128]; },\n"
        " { path = \"dtype\"; values = [\"bf16\", \"int8\"]; }, { path = \"dram.codec\"; values = [\"none\", \"rle\"]; }, { name = \"two\"; paths = [\"clock_mhz\", \"tech.sram_energy.typical\"]; values = ([400.5, 1.5], [100.0, 0.9]); } );",
    };
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        sweep *s = open_sweep(sweeps[i]);
        for (int n = 0; n < (i == 2 ? 20 : 4); n++) {
            check_command(s, sj_random_below(&r, s->config.space.size));
        }
        close_sweep(s);
    }
}

// With exactly the room that it needs it is whole; with less it is refused, never cut.
static void commands_are_never_cut(void **state) {
    (void)state;
    char long_set[1400], text[2200], command[8192], less[8192];
    memset(long_set, 's', sizeof long_set - 1);
    long_set[sizeof long_set - 1] = '\0';
    snprintf(text, sizeof text, "name = \"n\"; accel = \"edge16\"; quantise = true; fuse = false; set = [\"dtype=int8\", \"tech.wire.source=\\\"%s\\\"\"]; axes = ( { path = \"array.rows\"; values = [8, 16]; } );", long_set);
    sweep *s = open_sweep(text);
    assert_int_equal(sj_builder_command(s->builder, 1, command, sizeof command, &err), SJ_OK);
    assert_says(command, long_set);
    assert_says(command, " --no-fuse --quantise");
    const size_t length = strlen(command);
    for (size_t size = 1; size < length + 20; size += size + 40 < length ? 97 : 1) {
        less[size] = '!';
        const sj_status status = sj_builder_command(s->builder, 1, less, size, &err);
        assert_int_equal(less[size], '!');
        assert_true(status == SJ_OK || (status == SJ_ERR_RANGE && size <= length + 1));
        assert_int_equal(status == SJ_OK, strcmp(less, command) == 0 && size > length + 1);
    }
    close_sweep(s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_results_depend_on_changes_the_identity), IN_FOLDER(what_results_do_not_depend_on_does_not), IN_FOLDER(lists_do_not_run_into_each_other),
        IN_FOLDER(files_are_part_of_the_identity),
        IN_FOLDER(a_missing_file_is_told),                      IN_FOLDER(commands_are_the_points),                IN_FOLDER(commands_are_never_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
