// SPDX-License-Identifier: Apache-2.0
// metrics.csv is read whole or refused: torn rows are named, wherever the file was cut.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sj_metrics_csv.h"
#include "sj_test.h"
#include "sj_test_folder.h"

static sj_error err;

static const char whole[] = "epoch,train_loss,test_accuracy,macro_f1,asic_ratio,skipped\n0,3.25,,0.5,,0\n1,,,,,1\n2,1.125,0.75,0.625,0.5,0\n";

static sj_status read_text(const char *text, size_t length, sj_metrics_csv *out) {
    FILE *f = fopen("metrics.csv", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, length, f), length);
    fclose(f);
    return sj_metrics_csv_read("metrics.csv", out, &err);
}

static void rows_come_back(void **state) {
    sj_metrics_csv m;
    assert_int_equal(read_text(whole, sizeof whole - 1, &m), SJ_OK);
    assert_int_equal(m.count, 3);
    assert_true(m.rows[2].epoch == 2 && m.rows[2].test_accuracy == 0.75 && m.rows[2].macro_f1 == 0.625 && m.rows[2].asic_ratio == 0.5);
    assert_true(m.rows[0].macro_f1 == 0.5 && isnan(m.rows[0].test_accuracy) && isnan(m.rows[1].macro_f1));
    sj_metrics_csv_free(&m);
    (void)state;
}

// Cut behind any byte: whole rows are read, and nothing else is.
static void a_torn_row_is_named(void **state) {
    int torn = 0;
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        sj_metrics_csv m;
        const bool ends = length > 0 && whole[length - 1] == '\n' && length > strcspn(whole, "\n") + 1;
        const sj_status status = read_text(whole, length, &m);
        assert_int_equal(status, ends ? SJ_OK : SJ_ERR_FORMAT);
        if (ends) {
            sj_metrics_csv_free(&m);
        } else {
            assert_non_null(strstr(err.message, "metrics.csv"));
            torn += strstr(err.message, ": the row is torn: it has ") != NULL || strstr(err.message, ": the row is torn: its line has no end") != NULL;
        }
    }
    assert_true(torn > 20);
    (void)state;
}

static void epochs_ascend(void **state) {
    static const char same[] = "epoch,test_accuracy,macro_f1\n0,0.5,0.5\n0,0.5,0.5\n", back[] = "epoch,test_accuracy,macro_f1\n3,0.5,0.5\n2,0.5,0.5\n";
    sj_metrics_csv m;
    assert_int_equal(read_text(same, sizeof same - 1, &m), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "metrics.csv:3: epoch 0 does not come after epoch 0"));
    assert_int_equal(read_text(back, sizeof back - 1, &m), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "metrics.csv:3: epoch 2 does not come after epoch 3"));
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(a_torn_row_is_named),
        cmocka_unit_test(epochs_ascend),
    };
    char folder[SJ_TEST_FOLDER_MAX];
    if (!sj_test_enter_folder(folder)) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove("metrics.csv");
    return !sj_test_leave_folder(folder) || failed != 0;
}
