// SPDX-License-Identifier: Apache-2.0
// Savings and their intervals: what both results share cancels, what they do not share adds in quadrature.
#include <math.h>

#include "sj_saving.h"
#include "sj_test.h"

// Two runs of up to two sources; component 0 is dynamic (mac), leakage stands.
typedef struct result {
    sj_stats run;
    sj_stat stat;
    sj_spread spread;
} result;

static void add_source(result *r, const char *name, double mac_low, double mac_high, double leakage_low, double leakage_high) {
    const int s = r->run.source_count++;
    snprintf(r->run.source_names[s], SJ_SOURCE_NAME, "%s", name);
    r->spread.pj[s][SJ_COMPONENT_mac][0] = mac_low;
    r->spread.pj[s][SJ_COMPONENT_mac][1] = mac_high;
    r->spread.pj[s][SJ_COMPONENT_leakage][0] = leakage_low;
    r->spread.pj[s][SJ_COMPONENT_leakage][1] = leakage_high;
}

static result result_of(double mac_pj, double leakage_pj, uint64_t cycles) {
    result r;
    memset(&r, 0, sizeof r);
    r.stat.energy[SJ_TYPICAL].component_pj[SJ_COMPONENT_mac] = mac_pj;
    r.stat.energy[SJ_TYPICAL].component_pj[SJ_COMPONENT_leakage] = leakage_pj;
    r.stat.energy[SJ_TYPICAL].total_pj = mac_pj + leakage_pj;
    r.stat.cycles = cycles;
    r.run.clock_mhz = 500.0;
    return r;
}

static sj_priced priced(const result *r) { return (sj_priced){&r->run, &r->stat, &r->spread}; }

static sj_saving between(const result *before, const result *after, sj_account account) { return sj_saving_between(priced(before), priced(after), account); }

static void near(double a, double b) {
    if (!(fabs(a - b) <= 1e-12)) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}

// Whatever the figures are: half of everything is a saving of exactly a half.
static void what_both_share_cancels(void **state) {
    sj_random random = sj_random_seed(sj_test_seed(501));
    for (int round = 0; round < 1000; round++) {
        const double mac = 1.0 + 99.0 * sj_random_unit(&random), leakage = 1.0 + 9.0 * sj_random_unit(&random), factor = 2.0 * sj_random_unit(&random);
        result before = result_of(mac, leakage, 100), after = result_of(factor * mac, factor * leakage, 100);
        for (int s = 0; s < 5; s++) {
            char name[8];
            snprintf(name, sizeof name, "s%d", s);
            const double a = -mac * sj_random_unit(&random) / 5.0, b = 9.0 * mac * sj_random_unit(&random), c = -leakage * sj_random_unit(&random) / 5.0, d = leakage * sj_random_unit(&random);
            add_source(&before, name, a, b, c, d);
            add_source(&after, name, factor * a, factor * b, factor * c, factor * d);
        }
        for (int account = 0; account < SJ_ACCOUNT_COUNT; account++) {
            const sj_saving s = between(&before, &after, (sj_account)account);
            near(s.share, 1.0 - factor);
            assert_true(fabs(s.low - s.share) < 1e-7 && fabs(s.high - s.share) < 1e-7);
        }
    }
}

static void several_sources_add_in_quadrature(void **state) {
    result before = result_of(80.0, 20.0, 100), after = result_of(60.0, 20.0, 100);
    add_source(&before, "mac", -40.0, 80.0, 0.0, 0.0);
    add_source(&after, "mac", -30.0, 60.0, 0.0, 0.0);
    add_source(&before, "leakage", 0.0, 0.0, -10.0, 100.0);
    add_source(&after, "leakage", 0.0, 0.0, -10.0, 100.0);
    const sj_saving s = between(&before, &after, SJ_ACCOUNT_COMPLETION);
    near(s.share, 0.2);
    const double mac_low = 1.0 - 50.0 / 60.0 - 0.2, mac_high = 1.0 - 140.0 / 180.0 - 0.2, leakage_low = 1.0 - 70.0 / 90.0 - 0.2, leakage_high = 1.0 - 180.0 / 200.0 - 0.2;
    assert_true(mac_low < 0.0 && mac_high > 0.0 && leakage_low > 0.0 && leakage_high < 0.0);
    near(s.low, 0.2 - sqrt(mac_low * mac_low + leakage_high * leakage_high));
    near(s.high, 0.2 + sqrt(mac_high * mac_high + leakage_low * leakage_low));
    assert_false(sj_saving_sign_is_open(&s));
}

// What only one takes is 2 of 200 and, with the figures of one source low, still 0.1: it is saved, however little. In quadrature with what leaves the share smaller it would seem open.
static void a_difference_that_keeps_its_sign_holds_the_share_to_it(void **state) {
    result before = result_of(100.0, 100.0, 1), after = result_of(98.0, 100.0, 1);
    add_source(&before, "mac", -50.0, 0.0, 0.0, 0.0);
    add_source(&after, "mac", -48.1, 0.0, 0.0, 0.0);
    add_source(&before, "leakage", 0.0, 0.0, 0.0, 400.0);
    add_source(&after, "leakage", 0.0, 0.0, 0.0, 400.0);
    const double mac = 0.1 / 150.0 - 0.01, leakage = 2.0 / 600.0 - 0.01;
    assert_true(0.01 - sqrt(mac * mac + leakage * leakage) < 0.0);
    const sj_saving saved = between(&before, &after, SJ_ACCOUNT_COMPLETION), lost = between(&after, &before, SJ_ACCOUNT_COMPLETION);
    near(saved.low, 0.1 / 600.0);
    assert_false(sj_saving_sign_is_open(&saved));
    assert_true(lost.share < 0.0 && lost.high < 0.0);
    near(lost.high, -0.1 / 598.0);
}

// The same name is the same error; another name is another one.
static void sources_are_matched_by_name(void **state) {
    result before = result_of(100.0, 0.0, 1), same = result_of(90.0, 0.0, 1), other = result_of(90.0, 0.0, 1);
    add_source(&before, "a", -50.0, 50.0, 0.0, 0.0);
    add_source(&same, "x", 0.0, 0.0, 0.0, 0.0);
    add_source(&same, "a", -45.0, 45.0, 0.0, 0.0);
    add_source(&other, "b", -45.0, 45.0, 0.0, 0.0);
    const sj_saving shared = between(&before, &same, SJ_ACCOUNT_COMPLETION), own = between(&before, &other, SJ_ACCOUNT_COMPLETION);
    near(shared.low, 0.1);
    near(shared.high, 0.1);
    const double a_low = 1.0 - 90.0 / 50.0 - 0.1, a_high = 1.0 - 90.0 / 150.0 - 0.1, b = 0.45;
    near(own.low, 0.1 - sqrt(a_low * a_low + b * b));
    near(own.high, 0.1 + sqrt(a_high * a_high + b * b));
    assert_true(sj_saving_sign_is_open(&own));
    assert_false(sj_saving_sign_is_open(&shared));
}

static void accounts_are_what_they_say(void **state) {
    result before = result_of(80.0, 20.0, 100), after = result_of(60.0, 10.0, 50);
    add_source(&before, "leakage", 0.0, 0.0, 0.0, 20.0);
    add_source(&after, "leakage", 0.0, 0.0, 0.0, 10.0);
    near(between(&before, &after, SJ_ACCOUNT_COMPLETION).share, 0.3);
    near(between(&before, &after, SJ_ACCOUNT_COMPLETION).high, 0.3 + (1.0 - 80.0 / 120.0 - 0.3));
    near(between(&before, &after, SJ_ACCOUNT_DYNAMIC).share, 0.25);
    near(between(&before, &after, SJ_ACCOUNT_DYNAMIC).low, 0.25);  // leakage is not in it
    near(between(&before, &after, SJ_ACCOUNT_THROUGHPUT).share, 0.2);  // 60 + 20 of 100
    near(between(&before, &after, SJ_ACCOUNT_THROUGHPUT).low, 0.2 - (0.2 - (1.0 - 100.0 / 120.0)));
}

static void energies_by_account_have_their_intervals(void **state) {
    result r = result_of(80.0, 20.0, 50);
    sj_account_energy e = sj_energy_by_account(priced(&r), 75, SJ_ACCOUNT_COMPLETION);
    assert_true(e.pj == 100.0 && isnan(e.low_pj) && isnan(e.high_pj));  // no sources are known
    add_source(&r, "mac", -30.0, 60.0, 0.0, 0.0);
    add_source(&r, "leakage", 0.0, 0.0, -8.0, 40.0);
    e = sj_energy_by_account(priced(&r), 75, SJ_ACCOUNT_COMPLETION);
    near(e.low_pj, 100.0 - sqrt(30.0 * 30.0 + 8.0 * 8.0));
    near(e.high_pj, 100.0 + sqrt(60.0 * 60.0 + 40.0 * 40.0));
    e = sj_energy_by_account(priced(&r), 75, SJ_ACCOUNT_DYNAMIC);
    near(e.pj, 80.0);
    near(e.low_pj, 50.0);
    near(e.high_pj, 140.0);
    e = sj_energy_by_account(priced(&r), 75, SJ_ACCOUNT_THROUGHPUT);  // leaks half as long again
    near(e.pj, 110.0);
    near(e.low_pj, 110.0 - sqrt(30.0 * 30.0 + 12.0 * 12.0));
    near(e.high_pj, 110.0 + sqrt(60.0 * 60.0 + 60.0 * 60.0));
}

static void the_slowest_machine_of_a_codec_is_the_reference(void **state) {
    static sj_stats run;
    run.variant_count = 4;
    const struct {
        sj_variant variant;
        uint64_t cycles;
    } variants[] = {{{SJ_MACHINE_GATE, SJ_CODEC_NONE}, 90}, {{SJ_MACHINE_SKIP, SJ_CODEC_NONE}, 100}, {{SJ_MACHINE_GATE, SJ_CODEC_BITMASK}, 120}, {{SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, 70}};
    for (int v = 0; v < 4; v++) {
        run.variants[v].variant = variants[v].variant;
        run.variants[v].total.cycles = variants[v].cycles;
    }
    assert_int_equal(sj_reference_cycles(&run, SJ_CODEC_NONE), 100);
    assert_int_equal(sj_reference_cycles(&run, SJ_CODEC_BITMASK), 120);
    assert_int_equal(sj_reference_cycles(&run, SJ_CODEC_RLE), 0);
}

// The slower machine's time counts, whichever it is; a clock of half the rate makes it slow.
static void fixed_throughput_is_of_the_longer_time(void **state) {
    result before = result_of(80.0, 20.0, 50), after = result_of(60.0, 30.0, 100);
    near(between(&before, &after, SJ_ACCOUNT_THROUGHPUT).share, 1.0 - 90.0 / 120.0);
    before.run.clock_mhz = 250.0;  // as long as the other
    near(between(&before, &after, SJ_ACCOUNT_THROUGHPUT).share, 1.0 - 90.0 / 100.0);
}

// Where a source could be all of the energy, and nothing at its low end, there is no saving to speak of at that end.
static void a_source_that_could_leave_nothing_makes_the_interval_unknown(void **state) {
    result before = result_of(100.0, 0.0, 1), after = result_of(90.0, 0.0, 1);
    add_source(&before, "all", -100.0, 50.0, 0.0, 0.0);
    add_source(&after, "all", -90.0, 45.0, 0.0, 0.0);
    const sj_saving s = between(&before, &after, SJ_ACCOUNT_COMPLETION);
    near(s.share, 0.1);
    assert_true(isnan(s.low) && isnan(s.high));
}

static void what_is_not_known_is_not_said(void **state) {
    result before = result_of(100.0, 0.0, 1), after = result_of(90.0, 0.0, 1), nothing = result_of(0.0, 0.0, 1);
    char text[64];
    add_source(&before, "a", -1.0, 1.0, 0.0, 0.0);
    sj_saving s = between(&before, &after, SJ_ACCOUNT_COMPLETION);  // `after` comes from a file without spreads
    near(s.share, 0.1);
    assert_true(isnan(s.low) && isnan(s.high) && !sj_saving_sign_is_open(&s));
    sj_format_saving(text, &s);
    assert_string_equal(text, "10.0%");
    s = between(&nothing, &after, SJ_ACCOUNT_COMPLETION);
    assert_true(isnan(s.share));
    sj_format_saving(text, &s);
    assert_string_equal(text, "-");
    s = (sj_saving){0.05, -0.01, 0.125};
    sj_format_saving(text, &s);
    assert_string_equal(text, "5.0% (-1.0, 12.5) ?");
    s = (sj_saving){0.0, 0.0, 0.0};  // both are the same
    sj_format_saving(text, &s);
    assert_string_equal(text, "0.0% (0.0, 0.0)");
    s = (sj_saving){-0.05, -0.125, -0.01};
    sj_format_saving(text, &s);
    assert_string_equal(text, "-5.0% (-12.5, -1.0)");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_both_share_cancels), cmocka_unit_test(several_sources_add_in_quadrature), cmocka_unit_test(a_difference_that_keeps_its_sign_holds_the_share_to_it), cmocka_unit_test(sources_are_matched_by_name),
                                       cmocka_unit_test(accounts_are_what_they_say), cmocka_unit_test(energies_by_account_have_their_intervals),
                                       cmocka_unit_test(the_slowest_machine_of_a_codec_is_the_reference), cmocka_unit_test(fixed_throughput_is_of_the_longer_time),
                                       cmocka_unit_test(a_source_that_could_leave_nothing_makes_the_interval_unknown), cmocka_unit_test(what_is_not_known_is_not_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
