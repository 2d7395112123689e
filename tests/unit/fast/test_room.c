// SPDX-License-Identifier: Apache-2.0
// Memory that runs hand to each other: zeroed where asked, never in two hands, also from several threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

static void taken_again_is_zero_where_asked(void **state) {
    (void)state;
    sj_error err;
    for (uint64_t bytes = 1; bytes < UINT64_C(1) << 22; bytes = bytes * 3 + 1) {
        void *dirty = NULL, *clean = NULL;
        assert_int_equal(sj_fast_take(&dirty, bytes, 1, "test", &err), SJ_OK);
        assert_int_equal((uintptr_t)dirty % 64, 0);
        memset(dirty, 0xee, bytes);
        sj_fast_give_back(dirty);
        assert_int_equal(sj_fast_take_zeroed(&clean, bytes, 1, "test", &err), SJ_OK);
        for (uint64_t i = 0; i < bytes; i++) {
            assert_int_equal(((const uint8_t *)clean)[i], 0);
        }
        sj_fast_give_back(clean);
    }
    sj_fast_give_back(NULL);
}

static void more_than_memory_is_an_error(void **state) {
    (void)state;
    void *none = &none;
    sj_error err;
    assert_int_equal(sj_fast_take(&none, UINT64_MAX / 2, 4, "test", &err), SJ_ERR_MEMORY);
    assert_null(none);
    assert_non_null(strstr(err.message, "test"));
}

static void nothing_is_in_two_hands(void **state) {
    (void)state;
    int wrong = 0;
#pragma omp parallel for num_threads(4) reduction(+ : wrong)
    for (int i = 0; i < 2000; i++) {
        const uint64_t count = 4096 + (uint64_t)i * 7919 % 60000;
        uint32_t *own = NULL;
        sj_error err;
        wrong += sj_fast_take(&own, count, sizeof *own, "test", &err) != SJ_OK;
        for (uint64_t j = 0; j < count; j++) {
            own[j] = (uint32_t)i;
        }
        for (uint64_t j = 0; j < count; j++) {
            wrong += own[j] != (uint32_t)i;
        }
        sj_fast_give_back(own);
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(taken_again_is_zero_where_asked), cmocka_unit_test(more_than_memory_is_an_error), cmocka_unit_test(nothing_is_in_two_hands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
