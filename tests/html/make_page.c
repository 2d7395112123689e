// SPDX-License-Identifier: Apache-2.0
// Writes a report with all charts on made-up numbers: sj_make_page plain|nasty|one FOLDER makes page.html, report.json and KEY.csv of each table there.
// plain: names and sizes as a network has them. nasty: 200 layers, names that would break a page which does not escape them, whole numbers that no double holds. one: a single row of everything.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_report.h"

enum { PHASES = 5, COMPONENTS = 14, VARIANTS = 6 };
static const char *const phases[] = {"forward", "grad_input", "grad_weight", "elementwise", "update"};
static const char *const components[] = {"mac", "acc", "pads", "mask", "codec", "transpose", "buffer", "bus", "dram", "dram_standby", "vector", "rng", "clock", "leakage"};
static const char *const variants[] = {"dense/none", "gate/none", "skip/none", "dense/bitmask", "gate/bitmask", "skip/bitmask"};
static const char *const plain_runs[] = {"resnet18-plain", "resnet18-eat", "resnet18-ssprop", "resnet18-eat-ssprop-gradsamp"};
static const char *const nasty_runs[] = {"<script>alert(1)</script>", "\"quoted\", 'single' & </script><!--", "\u00fcml\u00e4ut \u65e5\u672c\u8a9e \U0001f41f and a name that goes on and on and on until nobody would read it to its end", "line\nbreak\\back"};

enum { OWN_NAMES = 3 };
static const char *const own_names[OWN_NAMES] = {"constructor", "__proto__", "toString"};

typedef struct shape {
    const char *const *runs;
    int run_count, layers, phases, components, variants, epochs, points;
    bool nasty;
} shape;

static uint64_t state = 7;
static double uniform(double low, double high) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}

static void layer_name(char name[160], const shape *s, int layer) {
    if (s->nasty && layer < OWN_NAMES) {
        snprintf(name, 160, "%s", own_names[layer]);  // what objects of the page's scripts have by themselves
    } else if (s->nasty && layer == OWN_NAMES) {
        snprintf(name, 160, "<img src=x onerror=alert(%d)>", layer);
    } else if (s->nasty && layer % 17 == 5) {
        snprintf(name, 160, "encoder.stage%d.block%d.attention.output.projection.convolution_with_a_long_name_%d", layer / 50, layer / 10, layer);
    } else {
        snprintf(name, 160, "layer%d.%s", layer, layer % 2 == 0 ? "conv" : "bn");
    }
}

static sj_column text(const char *key, const char *title) { return (sj_column){.key = key, .title = title, .quantity = SJ_QUANTITY_TEXT}; }
static sj_column of(const char *key, const char *title, sj_quantity quantity) { return (sj_column){.key = key, .title = title, .quantity = quantity}; }
static sj_column energy(const char *key, const char *title, bool total) { return (sj_column){.key = key, .title = title, .quantity = SJ_QUANTITY_ENERGY_PJ, .total = total, .meaning = "what a \"counter\" costs < sum"}; }
static sj_column other(const char *key, const char *title, const char *unit) { return (sj_column){.key = key, .title = title, .quantity = SJ_QUANTITY_OTHER, .unit = unit}; }

static void run_columns(sj_report_table *t) {
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("mode", "mode"));
    sj_table_column(t, of("batch", "batch", SJ_QUANTITY_INTEGER));
}
static void run_cells(sj_report_table *t, const shape *s, int run, bool train) {
    sj_table_text(t, s->runs[run]);
    sj_table_text(t, train ? "train" : "eval");
    sj_table_integer(t, train ? 128 : 1);
}
static void interval(sj_report_table *t, double value, double low, double high) {
    sj_table_number(t, value);
    sj_table_number(t, low);
    sj_table_number(t, high);
}

static void add_machines(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "machines", "Machines side by side", "machines");
    sj_table_note(t, "Typical energy; the lines reach from the low to the high end of what the tech file's figures leave open.");
    run_columns(t);
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, energy("energy_pj", "energy", false));
    sj_table_column(t, energy("energy_low_pj", "low", false));
    sj_table_column(t, energy("energy_high_pj", "high", false));
    sj_table_column(t, of("cycles", "cycles", SJ_QUANTITY_CYCLES));
    for (int run = 0; run < s->run_count; run++) {
        for (int mode = 0; mode < (s->run_count > 1 ? 2 : 1); mode++) {
            for (int v = 0; v < s->variants; v++) {
                const double pj = uniform(0.7, 1.0) * (mode == 0 ? 7.4e9 : 3.1e8) * (1.0 - 0.05 * v);
                run_cells(t, s, run, mode == 0);
                sj_table_text(t, variants[v]);
                interval(t, pj, pj * 0.8, pj * 2.4);
                sj_table_integer(t, s->nasty ? 9007199254740993u + (unsigned)v : 3997142u - 1000u * (unsigned)v);
            }
        }
    }
}

static void saving_columns(sj_report_table *t, const char *key, const char *title) {
    run_columns(t);
    sj_table_column(t, text(key, title));
}
static void saving_values(sj_report_table *t) {
    sj_table_column(t, of("saving", "saving", SJ_QUANTITY_SHARE));
    sj_table_column(t, of("saving_low", "low", SJ_QUANTITY_SHARE));
    sj_table_column(t, of("saving_high", "high", SJ_QUANTITY_SHARE));
}

static void add_savings(sj_report *r, const shape *s) {
    static const char *const sources[] = {"codec", "gating", "skipping"};
    sj_report_table *t = sj_report_add(r, "saving_sources", "Where the saving comes from", "saving_sources");
    saving_columns(t, "source", "saved by");
    saving_values(t);
    for (int run = 0; run < s->run_count; run++) {
        for (int i = 0; i < 3; i++) {
            const double saving = uniform(-0.03, 0.2);
            run_cells(t, s, run, true);
            sj_table_text(t, sources[i]);
            interval(t, saving, saving - uniform(0.005, 0.05), saving + uniform(0.005, 0.05));
        }
    }
    t = sj_report_add(r, "savings", "What skipping saves, phase by phase", "savings");
    saving_columns(t, "codec", "codec");
    sj_table_column(t, text("phase", "phase"));
    saving_values(t);
    for (int run = 0; run < s->run_count; run++) {
        for (int i = 0; i < 2 * s->phases; i++) {
            const double saving = uniform(-0.06, 0.3);
            run_cells(t, s, run, true);
            sj_table_text(t, i < s->phases ? "none" : "bitmask");
            sj_table_text(t, phases[i % s->phases]);
            interval(t, saving, saving - uniform(0.01, 0.08), saving + uniform(0.01, 0.08));
        }
    }
}

static void add_layers(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "components", "Energy of each layer, by component", "layers_stacked");
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, text("layer", "layer"));
    sj_table_column(t, text("phase", "phase"));
    sj_table_column(t, text("component", "component"));
    sj_table_column(t, energy("energy_pj", "energy", true));
    for (int run = 0; run < (s->run_count > 1 ? 2 : 1); run++) {
        for (int layer = 0; layer < s->layers; layer++) {
            char name[160];
            layer_name(name, s, layer);
            const double size = exp(uniform(0.0, 3.0));
            for (int phase = 0; phase < (s->phases < 3 ? s->phases : 3); phase++) {
                for (int c = 0; c < s->components; c++) {
                    if (s->layers > 1 && uniform(0.0, 1.0) < 0.2) {
                        continue;  // a component of no energy has no row
                    }
                    sj_table_text(t, s->runs[run]);
                    sj_table_text(t, "skip/bitmask");
                    sj_table_text(t, name);
                    sj_table_text(t, phases[phase]);
                    sj_table_text(t, components[c]);
                    sj_table_number(t, size * uniform(1e5, 4e6) / (1.0 + c));
                }
            }
        }
    }
}

static void add_joules(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "joules", "Where each joule went", "joules");
    run_columns(t);
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, text("phase", "phase"));
    sj_table_column(t, text("component", "component"));
    sj_table_column(t, energy("energy_pj", "energy", true));
    for (int run = 0; run < s->run_count; run++) {
        for (int phase = 0; phase < s->phases; phase++) {
            for (int c = 0; c < s->components; c++) {
                run_cells(t, s, run, true);
                sj_table_text(t, variants[s->variants - 1]);
                sj_table_text(t, phases[phase]);
                sj_table_text(t, components[c]);
                sj_table_number(t, c == 11 ? 0.0 : exp(uniform(14.0, 20.0)));
            }
        }
    }
}

static void add_density(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "density", "Density of the operands", "density_map");
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("layer", "layer"));
    sj_table_column(t, of("epoch", "epoch", SJ_QUANTITY_INTEGER));
    sj_table_column(t, of("x_density", "x density", SJ_QUANTITY_SHARE));
    sj_table_column(t, of("dy_density", "dy density", SJ_QUANTITY_SHARE));
    for (int run = 0; run < (s->run_count > 1 ? 2 : 1); run++) {
        for (int layer = 0; layer < s->layers; layer++) {
            char name[160];
            layer_name(name, s, layer);
            const double start = uniform(0.3, 1.0);
            for (int epoch = 1; epoch <= s->epochs; epoch++) {
                sj_table_text(t, s->runs[run]);
                sj_table_text(t, name);
                sj_table_integer(t, (uint64_t)epoch);
                if (epoch % 7 == 6) {
                    sj_table_none(t);  // a skipped epoch has no activations
                } else {
                    sj_table_number(t, fmin(1.0, start * exp(-0.06 * epoch) + uniform(0.0, 0.05)));
                }
                sj_table_number(t, uniform(0.05, 1.0));
            }
        }
    }
}

static void add_roofline(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "roofline", "Products under the machine's roof", "roofline");
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, text("layer", "layer"));
    sj_table_column(t, text("phase", "phase"));
    sj_table_column(t, other("macs_per_byte", "MACs a byte", "MAC/B"));
    sj_table_column(t, other("macs_per_second", "speed", "MAC/s"));
    sj_table_column(t, other("peak_macs_per_second", "peak", "MAC/s"));
    sj_table_column(t, other("bytes_per_second_peak", "DRAM peak", "B/s"));
    for (int layer = 0; layer < (s->layers < 60 ? s->layers : 60); layer++) {
        for (int phase = 0; phase < (s->phases < 3 ? s->phases : 3); phase++) {
            char name[160];
            layer_name(name, s, layer);
            const double intensity = exp(uniform(-0.5, 6.0));
            sj_table_text(t, s->runs[0]);
            sj_table_text(t, "skip/bitmask");
            sj_table_text(t, name);
            sj_table_text(t, phases[phase]);
            interval(t, intensity, fmin(1.28e11, intensity * 25.6e9) * uniform(0.1, 0.95), 1.28e11);
            sj_table_number(t, 25.6e9);
        }
    }
}

static void add_whole_runs(sj_report *r, const shape *s) {
    sj_report_table *t = sj_report_add(r, "accuracy_energy", "Accuracy against energy", "accuracy_energy");
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("method", "method"));
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, energy("energy_pj", "energy", false));
    sj_table_column(t, energy("energy_low_pj", "low", false));
    sj_table_column(t, energy("energy_high_pj", "high", false));
    sj_table_column(t, of("accuracy", "accuracy", SJ_QUANTITY_SHARE));
    sj_table_column(t, of("macro_f1", "macro F1", SJ_QUANTITY_SHARE));
    for (int run = 0; run < s->run_count; run++) {
        const double accuracy = uniform(0.9, 0.94);
        for (int v = 0; v < s->variants; v++) {
            const double pj = uniform(3.0e17, 6.0e17);
            sj_table_text(t, s->runs[run]);
            sj_table_text(t, run == 0 ? "plain" : run == 1 ? "EAT" : run == 2 ? "ssProp" : "EAT, ssProp, GradSamp");
            sj_table_text(t, variants[v]);
            interval(t, pj, pj * 0.85, pj * 1.5);
            sj_table_number(t, accuracy);
            sj_table_number(t, accuracy - 0.004);
        }
    }
    t = sj_report_add(r, "epochs", "Energy of the whole run, by epoch", "epochs");
    sj_table_column(t, text("run", "run"));
    sj_table_column(t, text("variant", "machine/codec"));
    sj_table_column(t, of("epoch", "epoch", SJ_QUANTITY_INTEGER));
    sj_table_column(t, text("method_state", "method's state"));
    sj_table_column(t, energy("energy_pj", "energy", true));
    sj_table_column(t, energy("energy_cumulative_pj", "energy so far", false));
    sj_table_column(t, of("test_accuracy", "test accuracy", SJ_QUANTITY_SHARE));
    for (int run = 0; run < s->run_count; run++) {
        double sum = 0.0;
        for (int epoch = 1; epoch <= s->epochs; epoch++) {
            const double pj = run >= 2 && epoch % 2 == 0 ? 6.1e15 : 1.1e16 * (run == 1 ? exp(-0.01 * epoch) : 1.0);
            sum += pj;
            sj_table_text(t, s->runs[run]);
            sj_table_text(t, "skip/bitmask");
            sj_table_integer(t, (uint64_t)epoch);
            sj_table_text(t, run >= 2 && epoch % 2 == 0 ? "keep 0.2" : "dense");
            sj_table_number(t, pj);
            sj_table_number(t, sum);
            sj_table_number(t, 0.93 - 0.6 * exp(-0.15 * epoch) + uniform(-0.01, 0.01));
        }
    }
}

static void sweep_columns(sj_report_table *t) {
    sj_table_column(t, of("point", "point", SJ_QUANTITY_INTEGER));
    sj_table_column(t, of("front", "front", SJ_QUANTITY_INTEGER));
    sj_table_column(t, of("array_rows", "array.rows", SJ_QUANTITY_INTEGER));
    sj_table_column(t, of("buffer_kib", "buffer.kib", SJ_QUANTITY_INTEGER));
    sj_table_column(t, text("dram_type", "dram.type"));
    sj_table_column(t, energy("energy_pj", "energy", false));
    sj_table_column(t, of("cycles", "cycles", SJ_QUANTITY_CYCLES));
    sj_table_column(t, other("area_mm2", "area", "mm2"));
}

static void add_sweep(sj_report *r, const shape *s, const char *key, const char *title, const char *chart) {
    static const char *const types[] = {"ddr4-3200-4x16", "lpddr4-4266", "hbm2"};
    sj_report_table *t = sj_report_add(r, key, title, chart);
    sweep_columns(t);
    double (*values)[3] = calloc((size_t)s->points, sizeof *values);
    const uint64_t seed = state;
    for (int pass = 0; pass < 2; pass++) {
        state = seed;
        for (int point = 0; point < s->points; point++) {
            const int rows = 4 << (int)uniform(0.0, 4.0), kib = 64 << (int)uniform(0.0, 5.0), type = (int)uniform(0.0, 3.0);
            const double pj = 4e9 * pow(rows, -0.15) * pow(kib, -0.1) * uniform(0.8, 1.2), cycles = floor(6e7 / rows * uniform(0.9, 1.3)), mm2 = 0.12 * rows + 0.004 * kib + uniform(0.0, 0.2);
            if (pass == 0) {
                memcpy(values[point], (double[]){pj, cycles, mm2}, sizeof values[point]);
                continue;
            }
            bool front = true;
            for (int i = 0; i < s->points && front; i++) {
                front = !(values[i][0] < pj && values[i][1] < cycles && values[i][2] < mm2);
            }
            sj_table_integer(t, (uint64_t)point);
            sj_table_integer(t, front);
            sj_table_integer(t, (uint64_t)rows);
            sj_table_integer(t, (uint64_t)kib);
            sj_table_text(t, s->nasty && type == 0 ? "<b>\"bold\"</b>" : types[type]);
            sj_table_number(t, pj);
            sj_table_integer(t, (uint64_t)cycles);
            sj_table_number(t, mm2);
        }
    }
    free(values);
}

static void add_sensitivity(sj_report *r, const shape *s) {
    static const char *const axes[] = {"array.rows", "buffer.kib", "dram.type"}, *const objectives[] = {"energy", "cycles", "area"};
    sj_report_table *t = sj_report_add(r, "sensitivity", "Which axis matters", "sensitivity");
    sj_table_column(t, text("axis", "axis"));
    sj_table_column(t, text("objective", "objective"));
    sj_table_column(t, of("share", "share of the spread", SJ_QUANTITY_SHARE));
    sj_table_column(t, of("effect", "effect", SJ_QUANTITY_NUMBER));
    for (int i = 0; i < (s->points > 1 ? 9 : 1); i++) {
        sj_table_text(t, axes[i % 3]);
        sj_table_text(t, objectives[i / 3]);
        sj_table_number(t, uniform(0.0, 1.0));
        sj_table_number(t, uniform(-1.0, 1.0));
    }
}

static sj_report *build(const shape *s) {
    sj_report *r = sj_report_new(s->nasty ? "Nasty </title><script>alert(2)</script> & names" : "ResNet-18 on CIFAR-10: four methods on edge16");
    sj_report_note(r, "Made-up numbers, for looking at the page. The first run is the baseline.");
    add_machines(r, s);
    add_savings(r, s);
    add_layers(r, s);
    add_joules(r, s);
    add_density(r, s);
    add_roofline(r, s);
    add_whole_runs(r, s);
    add_sweep(r, s, "pareto", "The front of the sweep", "pareto");
    add_sweep(r, s, "parallel", "Every point through its axes", "parallel");
    add_sensitivity(r, s);
    sj_report_table *t = sj_report_add(r, "empty", "A table without rows", "machines");
    run_columns(t);
    t = sj_report_add(r, "config", "Configuration", NULL);
    sj_table_column(t, text("line", "line"));
    sj_table_text(t, s->nasty ? "name = \"</script><!--\";\r\n" : "array = { engine = \"row\"; rows = 16; lanes = 16; };");
    sj_table_text(t, "");
    sj_table_none(t);
    return r;
}

static void write_file(const char *folder, const char *name, const sj_report *r, const char *table) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, table != NULL ? ".csv" : "");
    FILE *f = fopen(path, "wb");
    sj_error err = {.status = SJ_OK};
    const sj_report_view view = {.tables = &table, .table_count = 1};
    if (f == NULL || (table != NULL ? sj_report_write_csv(f, r, &view, &err) : strcmp(name, "page.html") == 0 ? sj_report_write_html(f, r, &err) : sj_report_write_json(f, r, NULL, &err)) != SJ_OK || fclose(f) != 0) {
        fprintf(stderr, "make_page: %s: %s\n", path, f == NULL ? "cannot be written" : err.message);
        exit(err.status == SJ_ERR_UNSUPPORTED ? 77 : 1);
    }
}

int main(int argc, char **argv) {
    static const shape shapes[] = {{plain_runs, 4, 20, PHASES, COMPONENTS, VARIANTS, 30, 300, false}, {nasty_runs, 4, 200, PHASES, COMPONENTS, VARIANTS, 40, 2000, true}, {plain_runs, 1, 1, 1, 1, 1, 1, 1, false}};
    static const char *const names[] = {"plain", "nasty", "one"};
    for (int i = 0; argc == 3 && i < 3; i++) {
        if (strcmp(argv[1], names[i]) == 0) {
            sj_report *r = build(&shapes[i]);
            write_file(argv[2], "page.html", r, NULL);
            write_file(argv[2], "report.json", r, NULL);
            for (int table = 0; table < sj_report_table_count(r); table++) {
                write_file(argv[2], sj_table_key(sj_report_table_at(r, table)), r, sj_table_key(sj_report_table_at(r, table)));
            }
            sj_report_free(r);
            return 0;
        }
    }
    fprintf(stderr, "usage: sj_make_page plain|nasty|one FOLDER\n");
    return 2;
}
