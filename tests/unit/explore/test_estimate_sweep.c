// SPDX-License-Identifier: Apache-2.0
// A sweep's points as data: features of numeric and text axes, invalid points left out; samples.
#include "store_fixture.h"

#include <math.h>

#include "sj_estimate_sweep.h"

static sj_error err;

static void test_points(void **state) {
    static fixture f;
    char folder[SJ_TEST_FOLDER_MAX];
    sj_store *store;
    sj_estimate_data d = {0};
    uint64_t ids[64];
    int64_t valid = 0;
    assert_true(sj_test_enter_folder(folder));
    fixture_make(&f);
    assert_int_equal(sj_store_create("sweep.sqlite", &f.about, &store, &err), SJ_OK);
    for (int i = 0; i < 64; i++) {
        ids[i] = (uint64_t)i * (f.space.size / 64);
    }
    assert_int_equal(fixture_put(&f, store, ids, 64, false, &err), SJ_OK);
    assert_int_equal(sj_estimate_data_add_sweep(&d, store, &err), SJ_OK);
    for (int i = 0, at = 0; i < 64; i++) {
        sj_point_result want;
        sj_unit_result units[FIXTURE_UNITS_MAX];
        int32_t index[SJ_AXES_MAX];
        fixture_result(&f, ids[i], false, units, &want);
        valid += want.valid;
        if (!want.valid) {
            continue;
        }
        const sj_estimate_run *r = &d.runs[at++];
        assert_true(r->training_key == ids[i] && r->energy_pj == want.values[SJ_SWEEP_energy_pj] && r->facts && r->flops == 1.0);
        sj_space_indexes(&f.space, ids[i], index);
        assert_true(fabs(r->features[0] - log2(0.5 * (index[0] + 1))) < 1e-12 && fabs(r->features[8] - log2(0.5 * (index[2] + 1))) < 1e-12);
        for (int v = 0; v < 7; v++) {
            assert_true(r->features[1 + v] == (v == index[1] ? 1.0 : 0.0));
        }
    }
    assert_int_equal(d.feature_count, 9);
    assert_string_equal(d.feature_names[0], "log2 path0.of0");
    assert_string_equal(d.feature_names[3], "shape=word2, \"1\"");
    assert_string_equal(d.feature_names[8], "log2 path0.of2");
    assert_int_equal(d.count, valid);
    assert_true(d.count > 0 && d.count < 64);
    sj_store_close(store);
    sj_estimate_data_free(&d);
    assert_true(sj_test_leave_folder(folder));
    (void)state;
}

static void test_samples(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(16));
    for (int round = 0; round < 300; round++) {
        const sj_estimate_data d = {.count = (int)sj_test_between(&r, 1, 100)};
        const int wanted = (int)sj_test_between(&r, 1, 120), expected = wanted < d.count ? wanted : d.count;
        bool chosen[100];
        int rows[100], seen = 0;
        assert_int_equal(sj_estimate_sample(&d, wanted, sj_random_u64(&r), chosen, rows), expected);
        for (int i = 0; i < d.count; i++) {
            assert_true(!chosen[i] || rows[seen++] == i);
        }
        assert_int_equal(seen, expected);
    }
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_points), cmocka_unit_test(test_samples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
