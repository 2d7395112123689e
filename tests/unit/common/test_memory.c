// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_memory.h"
#include "sj_test_folder.h"

#define MIB ((int64_t)1 << 20)

static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) { return !sj_test_enter_folder(folder); }
static int leave(void **state) { return !sj_test_leave_folder(folder); }

// Writes folder/path, with the folders above it.
static void put(const char *path, const char *text) {
    char command[3 * SJ_TEST_FOLDER_MAX], name[2 * SJ_TEST_FOLDER_MAX];
    snprintf(name, sizeof name, "%s/%s", folder, path);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", name);
    assert_int_equal(system(command), 0);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void put_meminfo(int kib) {
    char text[256];
    snprintf(text, sizeof text, "MemTotal:       24000000 kB\nMemFree:         1 kB\nMemAvailable:   %d kB\nMemAvailableNot: 5 kB\n", kib);
    put("proc/meminfo", text);
}

static void an_empty_tree_tells_nothing(void **state) { assert_int_equal(sj_memory_available_bytes(folder), -1); }

static void meminfo_alone(void **state) {
    put_meminfo(1000);
    assert_int_equal(sj_memory_available_bytes(folder), 1024000);
    put("proc/meminfo", "MemTotal: 24000000 kB\nMemFree: 77 kB\n");  // a kernel before 3.14
    assert_int_equal(sj_memory_available_bytes(folder), -1);
    put("proc/meminfo", "MemAvailable: much kB\n");
    assert_int_equal(sj_memory_available_bytes(folder), -1);
}

static void the_smaller_of_machine_and_group_version_2(void **state) {
    put_meminfo(100 * 1024);
    put("proc/self/cgroup", "0::/user.slice/run\n");
    assert_int_equal(sj_memory_available_bytes(folder), 100 * MIB);
    put("sys/fs/cgroup/user.slice/run/memory.max", "62914560\n");
    put("sys/fs/cgroup/user.slice/run/memory.current", "20971520\n");
    assert_int_equal(sj_memory_available_bytes(folder), 40 * MIB);
    put("sys/fs/cgroup/user.slice/run/memory.stat", "anon 5\ninactive_file_not 1\ninactive_file 10485760\nactive_file 1048576\n");
    assert_int_equal(sj_memory_available_bytes(folder), 50 * MIB);
    put("sys/fs/cgroup/user.slice/run/memory.max", "max\n");
    assert_int_equal(sj_memory_available_bytes(folder), 100 * MIB);
    put("sys/fs/cgroup/user.slice/run/memory.max", "9223372036854771712\n");
    assert_int_equal(sj_memory_available_bytes(folder), 100 * MIB);
    put("sys/fs/cgroup/user.slice/run/memory.max", "1048576\n");  // over its limit
    assert_int_equal(sj_memory_available_bytes(folder), 0);
}

static void a_group_above_binds_too(void **state) {
    put_meminfo(100 * 1024);
    put("proc/self/cgroup", "0::/a/b/c\n");
    put("sys/fs/cgroup/a/b/c/memory.max", "83886080\n");
    put("sys/fs/cgroup/a/b/c/memory.current", "0\n");
    put("sys/fs/cgroup/a/memory.max", "31457280\n");
    put("sys/fs/cgroup/a/memory.current", "10485760\n");
    assert_int_equal(sj_memory_available_bytes(folder), 20 * MIB);
}

// In a container: the mount's root is the own group, the path is the host's.
static void a_group_that_is_the_root_of_the_mount(void **state) {
    put_meminfo(100 * 1024);
    put("proc/self/cgroup", "0::/\n");
    put("sys/fs/cgroup/memory.max", "31457280\n");
    put("sys/fs/cgroup/memory.current", "1048576\n");
    assert_int_equal(sj_memory_available_bytes(folder), 29 * MIB);
    put("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    assert_int_equal(sj_memory_available_bytes(folder), 29 * MIB);
}

static void version_1_and_its_neighbours(void **state) {
    put_meminfo(100 * 1024);
    put("proc/self/cgroup", "12:cpu,cpuacct:/job\n11:memory:/job/step\n1:name=systemd:/x\n0::/x\nnonsense\n");
    put("sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "73400320\n");
    put("sys/fs/cgroup/memory/job/step/memory.usage_in_bytes", "52428800\n");
    put("sys/fs/cgroup/memory/job/step/memory.stat", "inactive_file 7\ntotal_inactive_file 1048576\n");
    assert_int_equal(sj_memory_available_bytes(folder), 21 * MIB);
    put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "52428800\n");
    assert_int_equal(sj_memory_available_bytes(folder), 21 * MIB);
    put("proc/self/cgroup", "11:memory_not,hugetlb:/job/step\n");
    assert_int_equal(sj_memory_available_bytes(folder), 100 * MIB);
}

static void this_machine_has_some(void **state) {
    const int64_t bytes = sj_memory_available_bytes("");
    print_message("%.1f GiB\n", (double)bytes / (double)(1 << 30));
    assert_true(bytes > MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_tree_tells_nothing, enter, leave),
        cmocka_unit_test_setup_teardown(meminfo_alone, enter, leave),
        cmocka_unit_test_setup_teardown(the_smaller_of_machine_and_group_version_2, enter, leave),
        cmocka_unit_test_setup_teardown(a_group_above_binds_too, enter, leave),
        cmocka_unit_test_setup_teardown(a_group_that_is_the_root_of_the_mount, enter, leave),
        cmocka_unit_test_setup_teardown(version_1_and_its_neighbours, enter, leave),
        cmocka_unit_test(this_machine_has_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
