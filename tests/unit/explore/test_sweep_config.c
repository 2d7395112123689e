// SPDX-License-Identifier: Apache-2.0
// The sweep file: defaults, every key, what is refused and with which words, and the files that are shipped.
#include "sj_test.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "sj_sweep_config.h"
#include "sj_test_folder.h"

static sj_error err;
static sj_sweep_config sweep;

// The least that a sweep needs, on the first line.
#define AXES "axes = ( { path = \"array.rows\"; values = [4, 8]; } );"
#define LEAST "name = \"n\"; accel = \"edge16\"; " AXES "\n"

static sj_status open_with(const char *text, const char *const *overrides, int override_count) {
    FILE *f = fopen("s.cfg", "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
    err.message[0] = '\0';
    return sj_sweep_config_open("s.cfg", overrides, override_count, &sweep, &err);
}

static void take(const char *text) {
    if (open_with(text, NULL, 0) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static void refuse(const char *text, const char *message) {
    assert_int_equal(open_with(text, NULL, 0), SJ_ERR_CONFIG);
    assert_string_equal(err.message, message);
    assert_true(sweep.path == NULL && sweep.text == NULL && sweep.accel == NULL && sweep.space.axis_count == 0 && sweep.set_count == 0 && sweep.constraint_count == 0);
}

// Refused are the keys behind the least ones, with this sentence for their line.
static void refuse_keys(const char *keys, const char *sentence) {
    char text[4096], message[1024];
    snprintf(text, sizeof text, LEAST "%s\n", keys);
    snprintf(message, sizeof message, "s.cfg:2: %s", sentence);
    refuse(text, message);
}

static void what_is_left_out_has_its_default(void **state) {
    take(LEAST);
    assert_string_equal(sweep.path, "s.cfg");
    assert_non_null(strstr(sweep.text, "array.rows"));
    assert_string_equal(sweep.name, "n");
    assert_string_equal(sweep.accel, "edge16");
    assert_string_equal(sweep.machine, "skip");
    assert_null(sweep.tech);
    assert_null(sweep.step);
    assert_null(sweep.phase);
    assert_int_equal(sweep.set_count + sweep.layer_count + sweep.weight_count + sweep.constraint_count, 0);
    assert_int_equal(sweep.batch, 0);
    assert_true(sweep.fuse && !sweep.quantise && sweep.keep_layers);
    assert_int_equal(sweep.objective_count, 2);
    assert_int_equal(sweep.objectives[0], SJ_SWEEP_energy_pj);
    assert_int_equal(sweep.objectives[1], SJ_SWEEP_cycles);
    assert_int_equal(sweep.strategy.kind, SJ_STRATEGY_GRID);
    assert_int_equal(sweep.space.size, 2);
    const sj_slurm_config *s = &sweep.slurm;
    assert_false(s->given);
    assert_true(s->partition == NULL && s->account == NULL && s->option_count == 0 && s->memory_mib == 0 && s->tasks_at_once == 0);
    assert_string_equal(s->time, "01:00:00");
    assert_int_equal(s->points_per_task, 500);
    assert_int_equal(s->retries, 3);
    sj_sweep_config_close(&sweep);
    assert_null(sweep.path);
}

static void every_key_is_read(void **state) {
    take(LEAST "tech = \"32nm\"; set = [\"array.lanes=8\", \"name=a=b\"]; machine = \"gate\"; step = \"last-eval\"; batch = 65536; layers = [\"conv1\", \"fc\"]; phase = \"grad_weight\";\n"
         "fuse = false; quantise = true; weights = (1, 2.5); constraints = [\"array.rows * array.lanes <= 64\", \"area_mm2 < 2\"]; objectives = [\"area_mm2\", \"edp_pj_s\"];\n"
         "strategy = { kind = \"nsga2\"; points = 2; population = 4; }; store = { layers = false; };\n"
         "slurm = { partition = \"p\"; account = \"a\"; time = \"2-12:30:00\"; memory_mib = 2048; points_per_task = 7; tasks_at_once = 8; retries = 0; options = [\"--constraint=avx2\", \"-x n1\"]; };");
    assert_string_equal(sweep.tech, "32nm");
    assert_int_equal(sweep.set_count, 2);
    assert_string_equal(sweep.sets[1], "name=a=b");
    assert_string_equal(sweep.machine, "gate");
    assert_string_equal(sweep.step, "last-eval");
    assert_int_equal(sweep.batch, 65536);
    assert_int_equal(sweep.layer_count, 2);
    assert_string_equal(sweep.layers[1], "fc");
    assert_string_equal(sweep.phase, "grad_weight");
    assert_true(!sweep.fuse && sweep.quantise && !sweep.keep_layers);
    assert_int_equal(sweep.weight_count, 2);
    assert_true(sweep.weights[0] == 1.0 && sweep.weights[1] == 2.5);
    assert_int_equal(sweep.constraint_count, 2);
    assert_string_equal(sj_expr_text(sweep.constraints[0]), "array.rows * array.lanes <= 64");
    assert_string_equal(sj_expr_name(sweep.constraints[1], 0), "area_mm2");
    assert_int_equal(sweep.objective_count, 2);
    assert_int_equal(sweep.strategy.kind, SJ_STRATEGY_NSGA2);
    assert_int_equal(sweep.strategy.objective_count, 2);
    assert_int_equal(sweep.strategy.objectives[0], SJ_SWEEP_area_mm2);
    assert_int_equal(sweep.strategy.objectives[1], SJ_SWEEP_edp_pj_s);
    const sj_slurm_config *s = &sweep.slurm;
    assert_true(s->given);
    assert_string_equal(s->partition, "p");
    assert_string_equal(s->account, "a");
    assert_string_equal(s->time, "2-12:30:00");
    assert_true(s->memory_mib == 2048 && s->points_per_task == 7 && s->tasks_at_once == 8 && s->retries == 0 && s->option_count == 2);
    assert_string_equal(s->options[1], "-x n1");
    sj_sweep_config_close(&sweep);
    take(LEAST "step = 4000;");
    assert_string_equal(sweep.step, "4000");
    sj_sweep_config_close(&sweep);
    take(LEAST "step = \"0\"; constraints = []; set = [];");
    assert_string_equal(sweep.step, "0");
    sj_sweep_config_close(&sweep);
}

static void overrides_change_the_file(void **state) {
    static const char *const overrides[] = {"batch=8", "strategy.kind=random", "strategy.points=1", "axes.[0].values=[1, 2, 3]"};
    assert_int_equal(open_with(LEAST, overrides, 4), SJ_OK);
    assert_int_equal(sweep.batch, 8);
    assert_int_equal(sweep.strategy.kind, SJ_STRATEGY_RANDOM);
    assert_int_equal(sweep.space.size, 3);
    assert_non_null(strstr(sweep.text, "batch = 8;"));
    sj_sweep_config_close(&sweep);
    static const char *const wrong[] = {"batch=0"};
    assert_int_equal(open_with(LEAST, wrong, 1), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "--set batch=0: \"batch\" is 0; it must be between 1 and 65536");
    static const char *const none[] = {"batch"};
    assert_int_equal(open_with(LEAST, none, 1), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "--set batch: it must be PATH=VALUE, for example array.rows=8");
}

static void what_is_missing_is_told(void **state) {
    refuse("", "s.cfg:1: missing key \"name\"\ns.cfg:1: missing key \"axes\"\ns.cfg:1: missing key \"accel\"");
    refuse("name = \"n\"; " AXES, "s.cfg:1: missing key \"accel\"");
    remove("absent.cfg");
    assert_int_equal(sj_sweep_config_open("absent.cfg", NULL, 0, &sweep, &err), SJ_ERR_IO);
    assert_non_null(strstr(err.message, "absent.cfg"));
}

static void wrong_keys_are_told(void **state) {
    refuse_keys("machin = \"skip\";", "unknown key \"machin\"; did you mean \"machine\"?");
    refuse_keys("machine = \"gat\";", "\"machine\" is \"gat\"; allowed are \"dense\", \"gate\", \"skip\"; did you mean \"gate\"?");
    refuse_keys("step = \"last-tran\";", "\"step\" is \"last-tran\"; allowed are a step's number, \"last-train\" and \"last-eval\"; did you mean \"last-train\"?");
    refuse_keys("step = -1;", "\"step\" is -1; it must be at least 0");
    refuse_keys("step = 1.5;", "\"step\" is a float; it must be a string");
    refuse_keys("batch = 65537;", "\"batch\" is 65537; it must be between 1 and 65536");
    refuse_keys("phase = \"forwards\";", "\"phase\" is \"forwards\"; allowed are \"forward\", \"grad_input\", \"grad_weight\", \"elementwise\", \"update\"; did you mean \"forward\"?");
    refuse_keys("layers = [];", "\"layers\" has 0 elements; it must have between 1 and 256");
    refuse_keys("layers = [\"a\", \"b\", \"a\"];", "\"layers.[2]\" is \"a\" again");
    refuse_keys("layers = [\"\"];", "\"layers.[0]\" is empty or has control characters; one line of text is needed");
    refuse_keys("tech = \"a\\nb\";", "\"tech\" is empty or has control characters; one line of text is needed");
    refuse_keys("fuse = 1;", "\"fuse\" is an integer; it must be true or false");
    refuse_keys("store = { layer = true; };", "unknown key \"store.layer\"; did you mean \"layers\"?");
    refuse_keys("store = true;", "\"store\" is a boolean; it must be a group");
    refuse_keys("strategy = { kind = \"gird\"; };", "\"strategy.kind\" is \"gird\"; allowed are \"grid\", \"random\", \"sobol\", \"nsga2\"; did you mean \"grid\"?");
    refuse("name = \"0123456789012345678901234567890123456789012345678901234567890123\"; accel = \"a\"; " AXES, "s.cfg:1: \"name\" has 64 characters; at most 63 are allowed");
    take("name = \"012345678901234567890123456789012345678901234567890123456789012\"; accel = \"a\"; " AXES);
    assert_int_equal(strlen(sweep.name), 63);
    sj_sweep_config_close(&sweep);
}

static void weights_are_greater_than_zero(void **state) {
    refuse_keys("weights = [0.0];", "\"weights.[0]\" is 0; a weight must be greater than 0");
    refuse_keys("weights = (1, -2.5);", "\"weights.[1]\" is -2.5; a weight must be greater than 0");
    refuse_keys("weights = [1.0e400];", "\"weights.[0]\" is inf; it must be a finite number");
    refuse_keys("weights = [\"1\"];", "\"weights.[0]\" is a string; it must be a number");
    refuse_keys("weights = [];", "\"weights\" has 0 elements; it must have between 1 and 1024");
    refuse_keys("weights = 1.0;", "\"weights\" is a float; it must be a list");
}

static void constraints_and_objectives_are_checked(void **state) {
    refuse(LEAST "constraints = [\n\"array.rows < 3\",\n\"array.rows <\",\n\"a = 3\"];", "s.cfg:4: \"constraints.[1]\": expression \"array.rows <\", column 13: it ends where a value is needed\n"
                                                                                        "s.cfg:5: \"constraints.[2]\": expression \"a = 3\", column 3: \"=\" is no operator; write \"==\"");
    refuse_keys("constraints = [3];", "\"constraints.[0]\" is an integer; it must be a string");
    refuse_keys("objectives = [\"energy\"];", "\"objectives.[0]\" is \"energy\"; allowed are \"energy_pj\", \"energy_low_pj\", \"energy_high_pj\", \"cycles\", \"seconds\", \"area_mm2\", \"edp_pj_s\", \"dram_bytes\"; did you mean "
                                            "\"energy_pj\"?");
    refuse_keys("objectives = [\"cycles\", \"cycles\"];", "\"objectives.[1]\" is \"cycles\" again");
    refuse_keys("objectives = [];", "\"objectives\" has 0 elements; it must have between 1 and 8");
    take(LEAST "objectives = [\"energy_pj\", \"energy_low_pj\", \"energy_high_pj\", \"cycles\", \"seconds\", \"area_mm2\", \"edp_pj_s\", \"dram_bytes\"];");
    for (int i = 0; i < SJ_SWEEP_VALUE_COUNT; i++) {
        assert_int_equal(sweep.objectives[i], i);
    }
    sj_sweep_config_close(&sweep);
}

static void sets_are_assignments_and_set_a_path_once(void **state) {
    refuse_keys("set = [\"array.lanes\"];", "\"set\" has \"array.lanes\"; it must be PATH=VALUE, for example array.rows=8");
    refuse_keys("set = [\"=3\"];", "\"set\" has \"=3\"; it must be PATH=VALUE, for example array.rows=8");
    refuse_keys("set = [\"array.lanes=\"];", "\"set\" has \"array.lanes=\"; it must be PATH=VALUE, for example array.rows=8");
    refuse_keys("set = [\"batch=3\"];", "\"set\" has \"batch=3\"; \"batch\" is a key of the sweep itself");
    refuse_keys("set = [\"array.rows=3\"];", "\"set\" has \"array.rows=3\", and axes.[0] sets array.rows too; only one of them can have an effect");
    refuse_keys("set = [\"a=3\", \"b=3\", \"a=4\"];", "\"set\" has \"a=3\" and \"a=4\"; only one of them can have an effect");
    refuse_keys("tech = \"32nm\"; set = [\"tech_file=45nm\"];", "\"set\" has \"tech_file=45nm\", and the key tech sets tech_file too; only one of them can have an effect");
    char keys[4096] = "set = [";
    for (int i = 0; i < 64; i++) {
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "\"a%d=1\",", i);
    }
    char text[4600];
    strcpy(strrchr(keys, ','), "];");
    snprintf(text, sizeof text, LEAST "%s", keys);
    take(text);
    assert_int_equal(sweep.set_count, 64);
    sj_sweep_config_close(&sweep);
    strcpy(strstr(keys, "];"), ", \"b=1\"];");
    refuse_keys(keys, "\"set\" has 65 elements; it must have between 0 and 64");
}

// Axes of accel, machine and batch stand for the keys, and their values are the sweep's own to check.
static void refuse_axis(const char *axis, const char *keys, const char *sentence) {
    char text[1024], message[1024];
    snprintf(text, sizeof text, "name = \"n\"; %s\naxes = ( %s );\n", keys, axis);
    snprintf(message, sizeof message, "s.cfg:%s", sentence);
    refuse(text, message);
}

static void axes_of_the_sweeps_own_keys_are_checked(void **state) {
    take("name = \"n\"; axes = ( { path = \"accel\"; values = [\"edge16\", \"mobile\"]; }, { path = \"machine\"; values = [\"skip\", \"dense\", \"gate\"]; }, { path = \"batch\"; powers_of_two = { from = 1; to = "
         "65536; }; } );");
    assert_true(sweep.accel == NULL && sweep.machine == NULL && sweep.batch == 0);
    assert_int_equal(sweep.space.size, 2 * 3 * 17);
    sj_sweep_config_close(&sweep);
    take("name = \"n\"; axes = ( { name = \"m\"; paths = [\"batch\", \"machine\", \"accel\"]; values = ((1, \"skip\", \"edge16\"), (65536, \"gate\", \"x.cfg\")); } );");
    assert_true(sweep.accel == NULL && sweep.machine == NULL && sweep.batch == 0);
    sj_sweep_config_close(&sweep);
    refuse_axis("{ path = \"machine\"; values = [\"skip\", \"dens\"]; }", "accel = \"a\";", "2: \"axes.[0].values.[1]\" is \"dens\"; allowed are \"dense\", \"gate\", \"skip\"; did you mean \"dense\"?");
    refuse_axis("{ path = \"machine\"; values = [1, 2]; }", "accel = \"a\";", "2: \"axes.[0].values.[0]\" is an integer; it must be a string");
    refuse_axis("{ path = \"machine\"; range = { from = 1; to = 2; step = 1; }; }", "accel = \"a\";", "2: \"axes.[0]\" sets machine to numbers; its values must be strings");
    refuse_axis("{ path = \"accel\"; values = [\"a\", \"\"]; }", "", "2: \"axes.[0].values.[1]\" is empty; it must be an accelerator's file or name");
    refuse_axis("{ path = \"accel\"; powers_of_two = { from = 1; to = 2; }; }", "", "2: \"axes.[0]\" sets accel to numbers; its values must be strings");
    refuse_axis("{ path = \"batch\"; values = [1, 65537]; }", "accel = \"a\";", "2: \"axes.[0].values.[1]\" is 65537; it must be between 1 and 65536");
    refuse_axis("{ path = \"batch\"; values = [1.0, 2.0]; }", "accel = \"a\";", "2: \"axes.[0].values.[0]\" is a float; it must be an integer");
    refuse_axis("{ path = \"batch\"; range = { from = 0; to = 2; step = 1; }; }", "accel = \"a\";", "2: \"axes.[0]\" sets batch to 0 .. 2; it must be integers between 1 and 65536");
    refuse_axis("{ path = \"batch\"; powers_of_two = { from = 1; to = 131072; }; }", "accel = \"a\";", "2: \"axes.[0]\" sets batch to 1 .. 131072; it must be integers between 1 and 65536");
    refuse_axis("{ path = \"batch\"; linear = { from = 1; to = 9; points = 3; }; }", "accel = \"a\";", "2: \"axes.[0]\" sets batch to 1.0 .. 9.0; it must be integers between 1 and 65536");
    refuse_axis("{ name = \"m\"; paths = [\"batch\", \"machine\"]; values = ((1, \"skip\"), (0, \"dense\"), (2, \"skp\")); }", "accel = \"a\";",
                "2: \"axes.[0].values.[2].[1]\" is \"skp\"; allowed are \"dense\", \"gate\", \"skip\"; did you mean \"skip\"?\n"
                "s.cfg:2: \"axes.[0].values.[1].[0]\" is 0; it must be between 1 and 65536");
}

static void a_key_and_an_axis_are_not_given_both(void **state) {
    refuse_axis("{ path = \"accel\"; values = [\"b\"]; }", "accel = \"a\";", "1: \"accel\" is given, and axes.[0] sets accel; only one of them can have an effect");
    refuse_axis("{ path = \"machine\"; values = [\"skip\"]; }", "accel = \"a\"; machine = \"skip\";", "1: \"machine\" is given, and axes.[0] sets machine; only one of them can have an effect");
    refuse_axis("{ path = \"batch\"; values = [4]; }", "accel = \"a\"; batch = 4;", "1: \"batch\" is given, and axes.[0] sets batch; only one of them can have an effect");
    refuse_axis("{ path = \"tech_file\"; values = [\"45nm\"]; }", "accel = \"a\"; tech = \"45nm\";", "1: \"tech\" is given, and axes.[0] sets tech_file; only one of them can have an effect");
    // An axis with an error of its own stands for its key all the same.
    refuse_axis("{ path = \"accel\"; values = [\"b\", \"b\"]; }", "", "2: \"axes.[0].values.[1]\" is b, as \"axes.[0].values.[0]\" is; a value may stand once");
}

static void slurm_is_checked(void **state) {
    refuse_keys("slurm = { time = \"tomorrow\"; };", "\"slurm.time\" is \"tomorrow\"; it must be as sbatch takes it: \"MINUTES\", \"HH:MM:SS\" or \"DAYS-HH:MM:SS\"");
    refuse_keys("slurm = { points_per_task = 0; };", "\"slurm.points_per_task\" is 0; it must be between 1 and 1000000000");
    refuse_keys("slurm = { tasks_at_once = -1; };", "\"slurm.tasks_at_once\" is -1; it must be between 0 and 1000000");
    refuse_keys("slurm = { retries = 101; };", "\"slurm.retries\" is 101; it must be between 0 and 100");
    refuse_keys("slurm = { memory_mib = 0; };", "\"slurm.memory_mib\" is 0; it must be between 1 and 1073741824");
    refuse_keys("slurm = { options = [\"constraint=a\"]; };", "\"slurm.options\" has \"constraint=a\"; an option of sbatch begins with \"-\"");
    refuse_keys("slurm = { partition = \"a\\nb\"; };", "\"slurm.partition\" is empty or has control characters; one line of text is needed");
    refuse_keys("slurm = { accout = \"a\"; };", "unknown key \"slurm.accout\"; did you mean \"account\"?");
    take(LEAST "slurm = { };");
    assert_true(sweep.slurm.given);
    assert_string_equal(sweep.slurm.time, "01:00:00");
    sj_sweep_config_close(&sweep);
}

static void all_errors_of_a_file_come_together(void **state) {
    refuse("nam = \"n\"; accel = \"edge16\";\naxes = ( { path = \"array.rows\"; values = [4, 4]; } );\nbatch = 0;\nconstraints = [\"1 +\"];\nobjectives = [\"cycle\"];\nweights = [-1];\nslurm = { retries = -1; };\nfuse = 3;",
           "s.cfg:1: unknown key \"nam\"; did you mean \"name\"?\n"
           "s.cfg:8: \"fuse\" is an integer; it must be true or false\n"
           "s.cfg:2: \"axes.[0].values.[1]\" is 4, as \"axes.[0].values.[0]\" is; a value may stand once\n"
           "s.cfg:3: \"batch\" is 0; it must be between 1 and 65536\n"
           "s.cfg:4: \"constraints.[0]\": expression \"1 +\", column 4: it ends where a value is needed\n"
           "s.cfg:5: \"objectives.[0]\" is \"cycle\"; allowed are \"energy_pj\", \"energy_low_pj\", \"energy_high_pj\", \"cycles\", \"seconds\", \"area_mm2\", \"edp_pj_s\", \"dram_bytes\"; did you mean \"cycles\"?\n"
           "s.cfg:6: \"weights.[0]\" is -1; a weight must be greater than 0\n"
           "s.cfg:7: \"slurm.retries\" is -1; it must be between 0 and 100");
}

// Files with values exchanged are read or refused with words; what is read has a first and a last point.
static void damaged_files_are_read_or_refused(void **state) {
    static const char whole[] =
        "name = \"n\"; accel = \"edge16\"; tech = \"45nm\"; batch = 4; layers = (\"a\"); weights = (1.0); constraints = (\"a < 3\"); objectives = (\"cycles\"); set = (\"x=1\"); "
        "axes = ( { path = \"p\"; values = (1, 2); }, { name = \"l\"; paths = (\"q\", \"machine\"); values = ((1, \"skip\"), (2, \"gate\")); }, "
        "{ path = \"r\"; range = { from = 1; to = 9; step = 2; }; }, { path = \"s\"; logarithmic = { from = 0.5; to = 2.0; points = 3; }; } ); "
        "strategy = { kind = \"random\"; points = 3; }; slurm = { time = \"1:00\"; options = (\"-a\"); };";
    static const char *const values[] = {"1", "-1", "0", "2.5", "1.0e300", "\"x\"", "\"\"", "true", "[]", "()", "(1, 2)", "{ }", "\"machine\"", "\"batch\"", "9007199254740993L"};
    static const char *const keys[] = {"pth", "rows", "x", "y", "linear_"};
    sj_random r = sj_random_seed(sj_test_seed(31));
    int right = 0, wrong = 0;
    for (int round = 0; round < 3000; round++) {
        char text[4096] = "";
        for (const char *p = whole; *p != '\0';) {  // tokens: strings, words and numbers, and single characters
            const size_t word = *p == '"' ? strcspn(p + 1, "\"") + 2 : strcspn(p, " ;=,(){}\""), length = word > 0 ? word : 1;
            const bool hit = word > 0 && sj_random_below(&r, 60) == 0, key = strncmp(p + length, " =", 2) == 0;
            const char *other = key ? keys[sj_random_below(&r, sizeof keys / sizeof *keys)] : values[sj_random_below(&r, sizeof values / sizeof *values)];
            const size_t used = strlen(text);
            if (hit) {
                snprintf(text + used, sizeof text - used, "%s", other);
            } else {
                snprintf(text + used, sizeof text - used, "%.*s", (int)length, p);
            }
            p += length;
        }
        if (open_with(text, NULL, 0) == SJ_OK) {
            char described[256];
            sj_space_describe(&sweep.space, 0, described, sizeof described);
            sj_space_describe(&sweep.space, sweep.space.size - 1, described, sizeof described);
            sj_sweep_config_close(&sweep);
            right++;
        } else {
            assert_int_equal(strncmp(err.message, "s.cfg:", 6), 0);
            wrong++;
        }
    }
    assert_true(right > 100 && wrong > 100);
}

// ---- The shipped files: every value of every axis is taken by the reader of the accelerator, and every constraint by its names.
static void set(sj_config *c, const char *path, const char *value) {
    char assignment[512];
    snprintf(assignment, sizeof assignment, "%s=%s", path, value);
    if (sj_config_override(c, assignment, &err) != SJ_OK) {
        fail_msg("%s: %s", sweep.path, err.message);
    }
}

static void assert_point_is_read(uint64_t id) {
    sj_config *c;
    char path[512];
    snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/accel/%s.cfg", sweep.accel);
    assert_int_equal(sj_config_open(path, &c, &err), SJ_OK);
    for (int i = 0; i < sweep.set_count; i++) {
        assert_int_equal(sj_config_override(c, sweep.sets[i], &err), SJ_OK);
    }
    int32_t index[SJ_AXES_MAX];
    sj_space_indexes(&sweep.space, id, index);
    for (int i = 0; i < sweep.space.axis_count; i++) {
        const sj_axis *a = &sweep.space.axes[i];
        for (int p = 0; p < a->path_count; p++) {
            if (strcmp(a->paths[p], "machine") != 0) {
                set(c, a->paths[p], a->values[index[i] * a->path_count + p]);
            }
        }
    }
    sj_accel accel;
    sj_accel_read(c, &accel);
    if (sj_config_finish(c, &err) != SJ_OK) {
        fail_msg("%s: %s", sweep.path, err.message);
    }
    snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/tech/%s.cfg", accel.tech);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(sweep.quantise, accel.dtype == SJ_DTYPE_INT8);  // a bf16 machine refuses quantise
    for (int i = 0; i < sweep.constraint_count; i++) {
        const char *name;
        for (int n = 0; (name = sj_expr_name(sweep.constraints[i], n)) != NULL; n++) {
            assert_true(strcmp(name, "area_mm2") == 0 || sj_config_has(c, name));
        }
    }
    sj_config_close(c);
}

static void shipped_sweeps_open_and_set_what_there_is(void **state) {
    static const struct {
        const char *name;
        uint64_t points;
    } known[] = {{"buffer", 87}, {"codec", 27}, {"codec-int8", 27}, {"dram", 72}, {"node", 30}, {"sample", 36}, {"search", 4096}, {"shape", 1000}};
    int found = 0;
    DIR *dir = opendir(SJ_SOURCE_DIR "/configs/sweep");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".cfg") != 0) {
            continue;
        }
        char path[1024];
        snprintf(path, sizeof path, SJ_SOURCE_DIR "/configs/sweep/%s", entry->d_name);
        if (sj_sweep_config_open(path, NULL, 0, &sweep, &err) != SJ_OK) {
            fail_msg("%s", err.message);
        }
        assert_true(strlen(sweep.name) == length - 4 && strncmp(sweep.name, entry->d_name, length - 4) == 0);
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (strcmp(known[k].name, sweep.name) == 0) {
                assert_true(sweep.space.size == known[k].points);  // as its first lines say
                found++;
            }
        }
        for (uint64_t id = 0; id < sweep.space.size; id += sweep.space.size > 1000 ? 37 : 1) {
            assert_point_is_read(id);
        }
        sj_sweep_config_close(&sweep);
    }
    closedir(dir);
    assert_int_equal(found, (int)(sizeof known / sizeof *known));
}

static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) { return sj_test_enter_folder(folder) ? 0 : -1; }

static int leave(void **state) { return sj_test_leave_folder(folder) ? 0 : -1; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default), cmocka_unit_test(every_key_is_read), cmocka_unit_test(overrides_change_the_file), cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(wrong_keys_are_told), cmocka_unit_test(weights_are_greater_than_zero), cmocka_unit_test(constraints_and_objectives_are_checked),
        cmocka_unit_test(sets_are_assignments_and_set_a_path_once), cmocka_unit_test(axes_of_the_sweeps_own_keys_are_checked), cmocka_unit_test(a_key_and_an_axis_are_not_given_both),
        cmocka_unit_test(slurm_is_checked), cmocka_unit_test(all_errors_of_a_file_come_together), cmocka_unit_test(damaged_files_are_read_or_refused), cmocka_unit_test(shipped_sweeps_open_and_set_what_there_is),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
