// SPDX-License-Identifier: Apache-2.0
// From points to machines: is each what overrides by hand make it, is every other one refused with its reason, and are mistakes told at once?
#include "builder_fixture.h"

static int enter(void **state) {
    (void)state;
    return sj_test_enter_folder(folder) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    return sj_test_leave_folder(folder) ? 0 : -1;
}

// ---- machines

static void assert_as_by_hand(sweep *s, uint64_t id) {
    by_hand *h = make_by_hand(&s->config, id);
    const sj_eval_point *p = &s->built.point;
    make(s, id);
    sj_prices *wanted = &h->prices;
    const sj_status status = h->status == SJ_OK ? sj_tech_prices(h->tech, &h->accel, hand_machine(h), wanted, &err) : h->status;
    if (s->valid != (status == SJ_OK)) {
        fail_msg("point %llu: %s", (unsigned long long)id, s->valid ? err.message : s->reason);
    }
    if (s->valid) {
        assert_string_equal(s->reason, "");
        assert_same_accel(&p->accel, &h->accel);
        assert_int_equal(p->machine, hand_machine(h));
        assert_int_equal(p->batch, h->batch);
        assert_ptr_equal(p->prices, &s->built.prices);
        assert_same_prices(p->prices, wanted);
        assert_true(p->area_mm2 == sj_tech_area(h->tech, &h->accel, p->machine).total_mm2[SJ_TYPICAL]);
    } else {
        assert_true(s->reason[0] != '\0' && strlen(s->reason) < sizeof s->reason && strchr(s->reason, '\n') == NULL);
    }
    free_by_hand(h);
}

static void check_points(const char *text, uint64_t seed, int points) {
    sweep *s = open_sweep(text);
    sj_random r = sj_random_seed(seed);
    assert_as_by_hand(s, 0);
    assert_as_by_hand(s, s->config.space.size - 1);
    for (int i = 0; i < points; i++) {
        assert_as_by_hand(s, sj_random_below(&r, s->config.space.size));
    }
    close_sweep(s);
}

static void points_are_machines_made_by_hand(void **state) {
    (void)state;
    const uint64_t seed = sj_test_seed(51);
    char *own = shipped_text("accel", "edge256"), *tech = shipped_text("tech", "32nm");
    char *named = edited(own, "edge256", "my \\\"own\\\" machine");
    write_text("my machine.cfg", named);
    write_text("it's \"32\" \\nm.cfg", tech);
    // Bases, machines, batches, numbers of every kind, linked paths over both files, strings that need their quotes.
    check_points("name = \"a\"; set = [\"vector.lanes=24\", \"tech.sram_energy.typical=1.25\", \"buffer.bank_kib=16\"];\n"
                 "axes = ( { path = \"accel\"; values = [\"edge16\", \"my machine.cfg\", \"mobile\"]; }, { path = \"machine\"; values = [\"skip\", \"dense\", \"gate\"]; }, { path = \"batch\"; values = [1, 16, 128]; },\n"
                 "  { name = \"shape\"; paths = [\"array.rows\", \"tech.wire.typical\", \"array.lanes\"]; values = ((8, 0.1, 16), (16, 0.05, 8), (4, 0.2, 4)); },\n"
                 "  { path = \"name\"; values = [\"a \\\"b\\\" = c; d\", \"it's\", \"45\", \"true\", \"a\\\\b\"]; }, { path = \"clock_mhz\"; values = [250.0, 400.5]; },\n"
                 "  { path = \"tech.sram_leakage.typical\"; values = [0.5, 1.0, 2.0]; }, { path = \"mapping.swap\"; values = [\"always\", \"auto\"]; }, { path = \"mapping.issue_padding\"; values = [true, false]; } );",
                 seed, 25);
    // A technology of its own, by name, by `tech` and by an axis; without a machine, a batch.
    check_points("name = \"b\"; accel = \"edge16\"; tech = \"it's \\\"32\\\" \\\\nm.cfg\"; machine = \"gate\"; batch = 7; axes = ( { path = \"dtype\"; values = [\"bf16\", \"int8\"]; }, { path = \"array.slots\"; values = [2, 4]; } );",
                 seed + 1, 4);
    check_points("name = \"c\"; accel = \"edge16\"; axes = ( { path = \"tech_file\"; values = [\"45nm\", \"it's \\\"32\\\" \\\\nm.cfg\", \"16nm\"]; }, { path = \"tech.sram_energy.typical\"; values = [0.9, 1.1]; } );", seed + 2, 6);
    // A linked axis that names the machine, the base and a key of it.
    check_points("name = \"d\"; axes = ( { name = \"who\"; paths = [\"machine\", \"accel\", \"array.rows\", \"batch\"]; values = ((\"dense\", \"edge16\", 8, 2), (\"skip\", \"mobile\", 4, 3), (\"gate\", \"my machine.cfg\", 300, 4)); },\n"
                 "  { path = \"buffer.kib\"; values = [256, 512]; } );",
                 seed + 3, 6);
    // More technologies than are kept open, met again.
    check_points("name = \"e\"; accel = \"edge16\"; axes = ( { path = \"tech.sram_energy.typical\"; linear = { from = 0.8; to = 3.1; points = 150; }; } );", seed + 4, 200);
    free(own);
    free(named);
    free(tech);
}

// Where several set one key the later wins: base, tech, set, axes. (A sweep file with both is refused; the builder's order is told all the same.)
static void later_settings_win(void **state) {
    (void)state;
    static const char text[] = "name = \"a\"; accel = \"edge16\"; tech = \"32nm\"; set = [\"array.slots=4\", \"tech.wire.low=0.01\"]; machine = \"dense\"; batch = 5; axes = ( { path = \"array.rows\"; values = [4, 8]; }, { path = \"array.lanes\"; values = [2, 3]; } );";
    sweep *s = open_sweep(text);
    make(s, 0);
    assert_string_equal(s->built.point.accel.tech, "32nm");
    assert_int_equal(s->built.point.accel.rows, 4);
    assert_int_equal(s->built.point.accel.slots, 4);
    assert_int_equal(s->built.point.machine, SJ_MACHINE_DENSE);
    assert_int_equal(s->built.point.batch, 5);
    free(s->config.sets[0]);
    s->config.sets[0] = strdup("array.rows=64");
    make(s, 0);
    assert_int_equal(s->built.point.accel.rows, 4);
    free(s->config.sets[0]);
    s->config.sets[0] = strdup("tech_file=16nm");
    make(s, 3);
    assert_string_equal(s->built.point.accel.tech, "16nm");
    assert_int_equal(s->built.point.accel.rows, 8);
    static const char *const paths[][2] = {{"array.rows", "array.rows"}, {"batch", "batch"}};
    for (int i = 0; i < 2; i++) {
        for (int a = 0; a < 2; a++) {
            free(s->config.space.axes[a].paths[0]);
            s->config.space.axes[a].paths[0] = strdup(paths[i][a]);
        }
        make(s, 2);  // 8, 2
        assert_int_equal(i == 0 ? s->built.point.accel.rows : s->built.point.batch, 2);
    }
    close_sweep(s);
}

static void shipped_sweeps_are_made_as_by_hand(void **state) {
    (void)state;
    static const char *const names[] = {"buffer", "codec-int8", "codec", "dram", "node", "sample", "search", "shape"};
    sj_random r = sj_random_seed(sj_test_seed(52));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = shipped_text("sweep", names[i]);
        sweep *s = open_sweep(text);
        for (int n = 0; n < 3; n++) {
            uint64_t id = sj_random_below(&r, s->config.space.size);
            if (s->config.constraint_count == 0) {
                assert_as_by_hand(s, id);
            }
        }
        close_sweep(s);
        free(text);
    }
}

// ---- points that are not allowed

static void points_that_are_not_allowed_say_why(void **state) {
    (void)state;
    char *tech = shipped_text("tech", "45nm"), *without = edited(tech, "hbm2-2000-1x128 = {", "};\n//");  // the last of the last group: what follows goes with it
    strstr(without, "};\n//")[3] = '\0';
    write_text("nohbm.cfg", without);
    static const struct {
        const char *sweep;
        uint64_t good, bad;
        const char *reason;
        bool has_area;
    } cases[] = {
        {"axes = ( { path = \"array.rows\"; values = [256, 257]; } );", 0, 1, "\"array.rows\" is 257; it must be between 1 and 256", false},
        {"axes = ( { path = \"array.rows\"; values = [0, 1]; } );", 1, 0, "\"array.rows\" is 0; it must be between 1 and 256", false},
        {"axes = ( { path = \"array.k_tile\"; values = [64, 65]; } );", 0, 1, "multiple of 8", false},
        {"axes = ( { path = \"dram.type\"; values = [\"ddr4-2400-4x16\", \"ddr4-2400-4x17\"]; } );", 0, 1, "did you mean \"ddr4-2400-4x16\"?", false},
        {"axes = ( { path = \"mapping.oracle\"; values = [false, true]; } );", 0, 1, "true is not supported", false},
        {"axes = ( { path = \"clock_mhz\"; values = [500.0, 5000.0]; } );", 0, 1, "allowed: clock_mhz up to", true},
        {"axes = ( { name = \"size\"; paths = [\"buffer.kib\", \"buffer.bank_kib\"]; values = ([512, 32], [1048576, 1048576]); } );", 0, 1, "divide it (buffer.bank_kib", true},
        {"tech = \"nohbm.cfg\"; axes = ( { path = \"dram.type\"; values = [\"ddr4-2400-4x16\", \"hbm2-2000-1x128\"]; } );", 0, 1, "no group dram.hbm2-2000-1x128", true},
        {"axes = ( { path = \"tech.sram_energy.typical\"; values = [1.0, 99.0]; } );", 0, 1, "sram_energy", false},
        {"axes = ( { path = \"array.rows\"; values = [8, 16]; } ); constraints = [\"array.rows >= 8\", \"array.rows * array.lanes < 256\"];", 0, 1, "constraint: array.rows * array.lanes < 256", true},
        {"axes = ( { path = \"array.rows\"; values = [8, 16]; } ); constraints = [\"array.rows < 16\", \"array.rows < 9\"];", 0, 1, "constraint: array.rows < 16", true},
        {"axes = ( { name = \"two\"; paths = [\"array.rows\", \"array.lanes\"]; values = ([8, 8], [999, 0]); } );", 0, 1, "\"array.lanes\" is 0", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, "name = \"a\"; accel = \"edge16\"; %s", cases[i].sweep);
        sweep *s = open_sweep(text);
        make(s, cases[i].good);
        assert_true(s->valid && s->built.point.area_mm2 > 0.0);
        make(s, cases[i].bad);
        assert_false(s->valid);
        assert_says(s->reason, cases[i].reason);
        assert_null(strchr(s->reason, '\n'));
        assert_int_equal(s->built.point.area_mm2 > 0.0, cases[i].has_area);
        assert_true(s->built.point.area_mm2 >= 0.0);
        make(s, cases[i].good);
        assert_true(s->valid);
        close_sweep(s);
    }
    free(tech);
    free(without);
}

// Both sides of a limit that is an area.
static void areas_stand_in_constraints(void **state) {
    (void)state;
    sweep *s = open_sweep("name = \"a\"; accel = \"edge16\"; axes = ( { path = \"machine\"; values = [\"dense\", \"skip\"]; } );");
    make(s, 0);
    const double dense = s->built.point.area_mm2;
    make(s, 1);
    const double skip = s->built.point.area_mm2;
    assert_true(dense < skip);
    close_sweep(s);
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, "name = \"a\"; accel = \"edge16\"; axes = ( { path = \"machine\"; values = [\"dense\", \"skip\"]; } ); constraints = [\"area_mm2 %s %.17g\"];", i == 1 ? "<" : "<=", i == 2 ? dense : skip);
        s = open_sweep(text);
        make(s, 0);
        assert_true(s->valid);
        make(s, 1);
        assert_int_equal(s->valid, i == 0);
        assert_true(s->built.point.area_mm2 == skip);
        close_sweep(s);
    }
}

// ---- constraints over every kind of name

static void constraints_know_all_names(void **state) {
    (void)state;
    static const struct {
        const char *constraint;
        uint64_t valid;  // a bit a point: machine dense, skip x rows 8, 16 x bank_kib 16, 32
    } cases[] = {
        {"array.rows <= 8", 0x33}, {"array.rows * array.lanes == 256", 0xcc}, {"machine == \\\"skip\\\"", 0xf0}, {"machine != \\\"gate\\\"", 0xff}, {"buffer.bank_kib > 16", 0xaa}, {"dtype == \\\"bf16\\\"", 0xff},
        {"not mapping.issue_padding", 0xff}, {"clock_mhz == 500", 0xff}, {"batch == 16", 0xff}, {"batch < 16", 0}, {"accel == \\\"edge16\\\"", 0xff}, {"accel == \\\"edge256\\\"", 0},
        {"name == \\\"edge16\\\"", 0xff}, {"tech_file == \\\"45nm\\\"", 0xff}, {"vector.lanes == 48", 0xff}, {"area_mm2 > 0.1 and area_mm2 < 1000", 0xff},
        {"machine == \\\"dense\\\" and array.rows == 16 and buffer.bank_kib == 16", 0x04},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "name = \"a\"; accel = \"edge16\"; batch = 16; set = [\"vector.lanes=48\"]; constraints = [\"%s\"]; axes = ( { path = \"machine\"; values = [\"dense\", \"skip\"]; }, { path = \"array.rows\"; values = [8, 16]; },\n"
                 "  { path = \"buffer.bank_kib\"; values = [16, 32]; } );",
                 cases[i].constraint);
        sweep *s = open_sweep(text);
        for (uint64_t id = 0; id < 8; id++) {
            make(s, id);
            if (s->valid != ((cases[i].valid >> id & 1) != 0)) {
                fail_msg("%s: point %llu is %s", cases[i].constraint, (unsigned long long)id, s->valid ? "valid" : s->reason);
            }
        }
        close_sweep(s);
    }
}

static void axes_of_the_sweep_stand_in_constraints(void **state) {
    (void)state;
    sweep *s = open_sweep("name = \"a\"; axes = ( { path = \"accel\"; values = [\"edge16\", \"edge256\"]; }, { path = \"batch\"; values = [1, 2, 4]; } ); constraints = [\"accel == \\\"edge16\\\" or batch >= 4\", \"batch != 2\"];");
    static const bool valid[] = {true, false, true, false, false, true};
    for (uint64_t id = 0; id < 6; id++) {
        make(s, id);
        assert_int_equal(s->valid, valid[id]);
    }
    make(s, 3);
    assert_string_equal(s->reason, "constraint: accel == \"edge16\" or batch >= 4");
    make(s, 1);
    assert_string_equal(s->reason, "constraint: batch != 2");
    close_sweep(s);
}

static void refuse_constraint(const char *constraint, const char *message) {
    char text[1024];
    snprintf(text, sizeof text, "name = \"a\"; accel = \"edge16\"; axes = ( { path = \"array.rows\"; values = [8, 16]; }, { path = \"array.slots\"; values = [2, 4]; } ); constraints = [%s];", constraint);
    refuse_at_open(text, SJ_ERR_CONFIG, message);
}

// A mistake in a constraint is no point's fault: it is told before anything is simulated, wherever it stands.
static void wrong_constraints_are_told_at_open(void **state) {
    (void)state;
    refuse_constraint("\"array.row <= 8\"", "did you mean \"array.rows\"?");
    refuse_constraint("\"area_mm <= 8\"", "did you mean \"area_mm2\"?");
    refuse_constraint("\"whatever.else <= 8\"", "\"whatever.else\" is no key");
    refuse_constraint("\"array == 8\"", "\"array\" is no key");
    refuse_constraint("\"array.rows < 1\", \"array.row <= 8\"", "did you mean \"array.rows\"?");              // behind one that never holds
    refuse_constraint("\"array.rows > 100 and array.row <= 8\"", "did you mean \"array.rows\"?");            // where no point looks
    refuse_constraint("\"array.rows == \\\"a\\\"\"", "array.rows == ");
    refuse_constraint("\"dtype < 3\"", "dtype < 3");
    refuse_constraint("\"array.rows\"", "array.rows");
    refuse_constraint("\"array.rows < 1\", \"machine + 1 > 2\"", "machine + 1 > 2");
    refuse_constraint("\"mapping.swap == 3\"", "mapping.swap == 3");
    refuse_constraint("\"batch <= 8\"", "batch");  // which nothing sets: it is the trace's
}

// ---- mistakes in paths and values

static void refuse_axes(const char *axes, sj_status status, const char *message) {
    char text[1024];
    snprintf(text, sizeof text, "name = \"a\"; accel = \"edge16\"; axes = ( %s );", axes);
    refuse_at_open(text, status, message);
}

static void unknown_keys_are_told_with_the_nearest(void **state) {
    (void)state;
    refuse_axes("{ path = \"array.row\"; values = [8, 16]; }", SJ_ERR_CONFIG, "axes: unknown key \"array.row\"");
    refuse_axes("{ path = \"array.row\"; values = [8, 16]; }", SJ_ERR_CONFIG, "did you mean \"array.rows\"?");
    refuse_axes("{ path = \"array.rows\"; values = [8, 16]; }, { name = \"x\"; paths = [\"buffer.kib\", \"bufer.a_banks\"]; values = ([256, 2], [512, 4]); }", SJ_ERR_CONFIG, "did you mean \"buffer.a_banks\"?");
    refuse_axes("{ path = \"no.such.thing.at.all\"; values = [8]; }", SJ_ERR_CONFIG, "the accelerator's file has no such key");
    refuse_axes("{ path = \"tech.sram_enrgy.typical\"; values = [1.0]; }", SJ_ERR_CONFIG, "did you mean \"sram_energy\"?");
    refuse_axes("{ path = \"array\"; values = [8]; }", SJ_ERR_CONFIG, "unknown key \"array\"");
    refuse_at_open("name = \"a\"; accel = \"edge16\"; set = [\"array.lane=8\"]; axes = ( { path = \"array.rows\"; values = [8]; } );", SJ_ERR_CONFIG, "did you mean \"lanes\"?");
    refuse_at_open("name = \"a\"; accel = \"edge16\"; set = [\"tech.wires.typical=8\"]; axes = ( { path = \"array.rows\"; values = [8]; } );", SJ_ERR_CONFIG, "did you mean \"wire\"?");
    refuse_at_open("name = \"a\"; accel = \"edge16\"; set = [\"array.lanes=800\"]; axes = ( { path = \"array.rows\"; values = [8]; } );", SJ_ERR_CONFIG, "\"array.lanes\" is 800");
    refuse_at_open("name = \"a\"; accel = \"edge17\"; axes = ( { path = \"array.rows\"; values = [8]; } );", SJ_ERR_IO, "edge17: no such accel");
    refuse_at_open("name = \"a\"; accel = \"edge16\"; tech = \"44nm\"; axes = ( { path = \"array.rows\"; values = [8]; } );", SJ_ERR_IO, "44nm: no such tech");
}

static void an_axis_without_an_allowed_value_is_refused(void **state) {
    (void)state;
    refuse_axes("{ path = \"array.slots\"; values = [4]; }, { path = \"array.rows\"; values = [300, 400]; }", SJ_ERR_CONFIG, "axis \"array.rows\": none of its values is allowed: ");
    refuse_axes("{ path = \"array.rows\"; values = [300, 400]; }", SJ_ERR_CONFIG, "\"array.rows\" is 300; it must be between 1 and 256");
    refuse_axes("{ path = \"mapping.swap\"; values = [\"sometimes\", \"often\"]; }", SJ_ERR_CONFIG, "\"sometimes\"");
    refuse_axes("{ path = \"array.rows\"; values = [\"eight\"]; }", SJ_ERR_CONFIG, "must be an integer");
    refuse_axes("{ name = \"x\"; paths = [\"array.rows\", \"array.lanes\"]; values = ([8, 0], [0, 8]); }", SJ_ERR_CONFIG, "axis \"x\": none");
    // The last value alone is enough, and a constraint is none of an axis's business.
    close_sweep(open_sweep("name = \"a\"; accel = \"edge16\"; axes = ( { path = \"mapping.swap\"; values = [\"sometimes\", \"often\", \"never\"]; } );"));
    sweep *s = open_sweep("name = \"a\"; accel = \"edge16\"; axes = ( { path = \"array.rows\"; values = [8, 16]; } ); constraints = [\"array.rows > 100\"];");
    make(s, 1);
    assert_false(s->valid);
    close_sweep(s);
    // A clock that the base's SRAM does not reach may be reached with another axis's value: that is seen point by point.
    s = open_sweep("name = \"a\"; accel = \"edge16\"; axes = ( { path = \"clock_mhz\"; values = [1400, 9000]; }, { path = \"buffer.bank_kib\"; values = [8, 32]; } );");
    for (uint64_t id = 0; id < 4; id++) {
        make(s, id);
        assert_true(s->valid == (id == 0));
    }
    close_sweep(s);
    // So is what a constraint divides by.
    s = open_sweep("name = \"a\"; accel = \"edge16\"; axes = ( { path = \"array.rows\"; values = [8, 16]; } ); constraints = [\"100 / (array.rows - 8) > 1\"];");
    make(s, 0);
    assert_false(s->valid);
    assert_non_null(strstr(s->reason, "a division by zero"));
    make(s, 1);
    assert_true(s->valid);
    close_sweep(s);
}

// ---- names

// A base's name may be long, and may need quotes; so may a technology's, which lies in the description and in an axis.
static void long_names_are_whole(void **state) {
    (void)state;
    char name[201], path[512], text[2048], *accel = shipped_text("accel", "edge16"), *tech = shipped_text("tech", "45nm");
    memset(name, 'n', 200);
    name[200] = '\0';
    snprintf(path, sizeof path, "./././././././././././././././././././././././././././././././././././././././%s.cfg", name);
    write_text(path, accel);
    write_text("a \"b\" \\ c.cfg", accel);
    write_text("t.cfg", tech);
    assert_true(strlen(path) > 256);
    snprintf(text, sizeof text, "name = \"a\"; tech = \"t.cfg\"; axes = ( { path = \"accel\"; values = [\"edge256\", \"%s\", \"a \\\"b\\\" \\\\ c.cfg\"]; } );", path);
    sweep *s = open_sweep(text);
    uint64_t identity;
    for (uint64_t id = 0; id < 3; id++) {
        make(s, id);
        assert_true(s->valid);
        assert_string_equal(s->built.point.accel.name, id == 0 ? "edge256" : "edge16");
    }
    assert_int_equal(sj_builder_identity(s->builder, &identity, &err), SJ_OK);
    close_sweep(s);
    free(accel);
    free(tech);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(points_are_machines_made_by_hand),   IN_FOLDER(later_settings_win),         IN_FOLDER(shipped_sweeps_are_made_as_by_hand),
        IN_FOLDER(points_that_are_not_allowed_say_why), IN_FOLDER(areas_stand_in_constraints), IN_FOLDER(constraints_know_all_names),
        IN_FOLDER(axes_of_the_sweep_stand_in_constraints), IN_FOLDER(wrong_constraints_are_told_at_open), IN_FOLDER(unknown_keys_are_told_with_the_nearest),
        IN_FOLDER(an_axis_without_an_allowed_value_is_refused), IN_FOLDER(long_names_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
