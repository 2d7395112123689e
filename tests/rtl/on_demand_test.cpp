// SPDX-License-Identifier: Apache-2.0
// Arrays that are built on demand: of extreme shapes they work as any other; a broken entry is built again; two processes that build the same both get it; without tools
// and where the RTL does not compile the error says what to do; what others may have written or what was made for another program is refused; folders of the user stay.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "array_driver.hpp"
#include "bench.hpp"
#include "sj_rtl.hpp"
#include "sj_rtl_build.h"
#include "sj_rtl_cache.h"

namespace {

namespace fs = std::filesystem;

std::string said;
int lines;

void say(void *, const char *line) {
    said = line;
    lines++;
}

std::string run_cases(const sj::ArrayShape &shape, int cases, uint64_t seed) {
    for (int i = 0; i < cases; i++) {
        sj_random random = sj_random_stream(seed, static_cast<uint64_t>(i));
        sj_error err = {};
        auto array = sj::make_verilated_array(shape, &err);
        if (!array) return err.message;
        bench::Options o;
        o.density_a = sj_random_unit(&random);
        o.density_b = sj_random_unit(&random);
        o.padding = shape.machine != SJ_MACHINE_SKIP && i % 2 != 0;
        bench::Job job(shape, o, &random);
        const std::string fault = bench::Driver(array.get(), &job, i % 2 ? 1.0 : 0.3, &random).run();
        if (!fault.empty()) return "case " + std::to_string(i) + ", " + fault;
    }
    return "";
}

sj_status library(const sj_rtl_spec &spec, std::string *path, sj_error *err) {
    char text[SJ_RTL_PATH_MAX] = "";
    int fd = -1;
    const sj_status status = sj_rtl_cache_library(&spec, "none", say, nullptr, text, &fd, err);
    if ((status == SJ_OK) != (fd >= 0)) return SJ_ERR_INTERNAL;
    if (fd >= 0) close(fd);
    *path = text;
    return status;
}

bool is_sealed(const std::string &path) {
    sj_error err = {};
    int fd = -1;
    const bool whole = sj_rtl_open_sealed(path.c_str(), &fd, &err) == SJ_OK && fd >= 0;
    if (fd >= 0) close(fd);
    return whole;
}

fs::path arrays_folder() { return fs::path(std::getenv("SJ_CACHE")) / "skipjoule-arrays"; }

const sj_rtl_spec kTiny = {1, 1, 1, 8, 1, SJ_DTYPE_INT8, true, false, 0};

void shapes_work(uint64_t seed, bench::Checker &checker) {
    const sj::ArrayShape shapes[] = {{1, 1, 1, 8, 1, SJ_DTYPE_INT8, SJ_MACHINE_SKIP}, {5, 7, 1, 32, 3, SJ_DTYPE_BF16, SJ_MACHINE_GATE}, {2, 17, 3, 24, 2, SJ_DTYPE_INT8, SJ_MACHINE_SKIP},
                                     {70, 3, 1, 8, 8, SJ_DTYPE_INT8, SJ_MACHINE_DENSE}};
    for (const sj::ArrayShape &shape : shapes) {
        lines = 0;
        const std::string fault = run_cases(shape, 30, seed);
        std::printf("%dx%d: %s; said: %s\n", shape.rows, shape.lanes, fault.empty() ? "equal" : fault.c_str(), said.c_str());
        checker.expect("shape without a fault", 0, fault.empty(), 1);
        checker.expect("said once", 0, static_cast<uint64_t>(lines), 1);
        checker.expect("the line names the shape", 0, said.find(std::to_string(shape.rows) + "x" + std::to_string(shape.lanes)) != std::string::npos, 1);
    }
}

void broken_entries_are_rebuilt(bench::Checker &checker) {
    sj_error err = {};
    std::string path;
    lines = 0;
    checker.expect("there", 0, library(kTiny, &path, &err), SJ_OK);
    checker.expect("nothing built", 0, static_cast<uint64_t>(lines), 0);
    checker.expect("sealed", 0, is_sealed(path), 1);
    fs::resize_file(path, fs::file_size(path) - 1);
    checker.expect("cut short", 0, is_sealed(path), 0);
    checker.expect("built again", 0, library(kTiny, &path, &err), SJ_OK);
    checker.expect("one build", 0, static_cast<uint64_t>(lines), 1);
    checker.expect("sealed again", 0, is_sealed(path), 1);
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(1000);
    const char byte = static_cast<char>(f.get() ^ 1);
    f.seekp(1000);
    f.put(byte);
    f.close();
    checker.expect("a flipped bit is seen", 0, is_sealed(path), 0);
    f.open(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(1000);
    f.put(static_cast<char>(byte ^ 1));
    f.close();
    checker.expect("whole", 0, is_sealed(path), 1);
}

// Entries and folders that others may write to, or links, are refused by name. (That of another user is: to make one takes root.)
void what_others_may_write_is_refused(bench::Checker &checker) {
    sj_error err = {};
    std::string path, ignored;
    checker.expect("there", 0, library(kTiny, &path, &err), SJ_OK);
    const auto refused = [&](const char *what, const fs::path &which) {
        err = {};
        checker.expect(what, 0, library(kTiny, &ignored, &err), SJ_ERR_IO);
        checker.expect("names it", 0, std::strstr(err.message, which.c_str()) != nullptr, 1);
        std::printf("%s\n", err.message);
    };
    checker.expect("an entry's mode", 0, static_cast<uint64_t>(fs::status(path).permissions()), 0600);
    checker.expect("the folder's mode", 0, static_cast<uint64_t>(fs::status(arrays_folder()).permissions()), 0700);
    for (const auto &[who, mode] : {std::pair{"group", fs::perms::group_write}, std::pair{"others", fs::perms::others_write}}) {
        for (const fs::path &which : {fs::path(path), arrays_folder()}) {
            fs::permissions(which, mode, fs::perm_options::add);
            refused(who, which);
            fs::permissions(which, mode, fs::perm_options::remove);
        }
    }
    fs::rename(path, path + ".moved");
    fs::create_symlink(path + ".moved", path);
    refused("a link", path);
    fs::rename(path + ".moved", path);
    fs::permissions(path, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
    checker.expect("what others may read is loaded", 0, library(kTiny, &ignored, &err), SJ_OK);
    // The linker takes the run time: one that others may write to is refused, too.
    for (const auto &entry : fs::directory_iterator(arrays_folder())) {
        if (entry.path().filename().string().compare(0, 8, "runtime-") != 0) continue;
        fs::permissions(entry.path(), fs::perms::group_write, fs::perm_options::add);
        err = {};
        checker.expect("run time", 0, library({1, 3, 1, 8, 1, SJ_DTYPE_INT8, true, false, 0}, &ignored, &err), SJ_ERR_IO);
        checker.expect("names the run time", 0, std::strstr(err.message, entry.path().c_str()) != nullptr, 1);
        fs::permissions(entry.path(), fs::perms::group_write, fs::perm_options::remove);
    }
}

// A folder with a file in it, both two days old.
void make_old(const fs::path &folder) {
    fs::create_directories(folder);
    std::ofstream(folder / "file") << "of the user\n";
    const auto then = fs::file_time_type::clock::now() - std::chrono::hours(48);
    fs::last_write_time(folder / "file", then);
    fs::last_write_time(folder, then);
}

// A build removes what killed builds left, and nothing that is like it in name or place.
void foreign_folders_survive(bench::Checker &checker) {
    const fs::path arrays = arrays_folder(), beside = std::getenv("SJ_CACHE"), target = fs::absolute("linked-to");
    const fs::path foreign[] = {beside / "build-x", beside / ".sj-build-abcdef", arrays / "build-release", arrays / ".sj-build-abcdefg", arrays / ".sj-build-abcde", target};
    for (const fs::path &folder : foreign) make_old(folder);
    const fs::path left = arrays / ".sj-build-abcdef", fresh = arrays / ".sj-build-fresh0", link = arrays / ".sj-build-link00";
    make_old(left);
    fs::create_directory_symlink(target, left / "inner");
    fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(48));
    fs::create_directories(fresh);
    fs::create_directory_symlink(target, link);
    sj_error err = {};
    std::string path;
    checker.expect("built beside them", 0, library({1, 2, 1, 8, 1, SJ_DTYPE_INT8, true, false, 0}, &path, &err), SJ_OK);
    for (const fs::path &folder : foreign) checker.expect(folder.c_str(), 0, fs::exists(folder / "file"), 1);
    checker.expect("left by a killed build", 0, fs::exists(left), 0);
    checker.expect("of a build under way", 0, fs::exists(fresh), 1);
    checker.expect("a link", 0, fs::is_symlink(link), 1);
    fs::remove_all(fresh);
    fs::remove(link);
    for (const fs::path &folder : foreign) fs::remove_all(folder);
}

void two_may_race(bench::Checker &checker) {
    const sj_rtl_spec spec = {2, 2, 1, 8, 1, SJ_DTYPE_INT8, true, false, 0};
    pid_t children[2];
    for (pid_t &child : children) {
        child = fork();
        if (child != 0) continue;
        sj_error err = {};
        std::string path;
        const bool good = library(spec, &path, &err) == SJ_OK && is_sealed(path);
        _exit(good ? 0 : 1);
    }
    for (const pid_t child : children) {
        int state = -1;
        waitpid(child, &state, 0);
        checker.expect("both win", 0, state == 0, 1);
    }
    int left = 0;
    for (const auto &entry : fs::directory_iterator(arrays_folder())) left += entry.path().filename().string().compare(0, 4, ".sj-") == 0;
    checker.expect("nothing left over", 0, static_cast<uint64_t>(left), 0);
}

void without_tools(bench::Checker &checker) {
    const std::string path_before = std::getenv("PATH");
    setenv("PATH", "/nonexistent", 1);
    sj_error err = {};
    std::string path;
    checker.expect("cached shapes need no tools", 0, library(kTiny, &path, &err), SJ_OK);
    const auto array = sj::make_verilated_array({9, 9, 1, 8, 1, SJ_DTYPE_INT8, SJ_MACHINE_SKIP}, &err);
    // One made for another processor is none of this one's: its name differs in the hash before the last.
    const size_t processor = path.size() - std::strlen("0123456789abcdef-0123456789abcdef.so");
    std::string other = path;
    other[processor] = other[processor] == '0' ? '1' : '0';
    fs::rename(path, other);
    sj_error foreign = {};
    std::string ignored;
    checker.expect("made for another processor", 0, library(kTiny, &ignored, &foreign), SJ_ERR_UNSUPPORTED);
    checker.expect("nor listed", 0, std::strstr(foreign.message, "int8 1x1 slots 1 k_tile 8 acc_banks 1 (skip)") == nullptr, 1);
    fs::rename(other, path);
    setenv("PATH", path_before.c_str(), 1);
    std::printf("%s\n", err.message);
    checker.expect("refused", 0, err.status, SJ_ERR_UNSUPPORTED);
    for (const char *word : {"int8 9x9", "Verilator", "C++ compiler", "bf16 16x16 slots 8 k_tile 64 acc_banks 2", "int8 1x1 slots 1 k_tile 8 acc_banks 1 (skip)"}) {
        checker.expect(word, 0, std::strstr(err.message, word) != nullptr, 1);
    }
}

// All that an array is made from, copied.
void copy_share(const fs::path &share) {
    fs::remove_all(share);
    for (const char *folder : {"rtl", "rtl/glue", "sim/systemc", "sim/lower", "sim/accel", "common"}) {
        fs::create_directories(share / folder);
        for (const auto &entry : fs::directory_iterator(fs::path(SJ_SOURCE_DIR) / folder)) {
            if (entry.is_regular_file()) fs::copy_file(entry.path(), share / folder / entry.path().filename());
        }
    }
    setenv("SJ_SHARE", fs::absolute(share).c_str(), 1);
}

void expect_refusal(const sj_rtl_spec &spec, const char *what, sj_status status, const char *word, bench::Checker &checker) {
    sj_error err = {};
    std::string path;
    lines = 0;
    checker.expect(what, 0, library(spec, &path, &err), status);
    std::printf("%s: %s\n", what, err.message);
    checker.expect(word, 0, std::strstr(err.message, word) != nullptr, 1);
}

void broken_rtl(bench::Checker &checker) {
    copy_share("broken-share");
    std::ofstream("broken-share/rtl/sj_drain.sv") << "module sj_drain; this is no Verilog\nendmodule\n";
    sj_error err = {};
    std::string path;
    checker.expect("broken RTL", 0, library(kTiny, &path, &err), SJ_ERR_INTERNAL);
    unsetenv("SJ_SHARE");
    std::printf("%s\n", err.message);
    checker.expect("the log's last lines", 0, std::strstr(err.message, "sj_drain.sv") != nullptr, 1);
    const char *log = std::strstr(err.message, std::getenv("SJ_CACHE"));
    checker.expect("the log's path", 0, log != nullptr && fs::exists(std::string(log, std::strcspn(log, " "))), 1);
}

// SJ_SHARE is the only place where it is set, and what it holds must have the headers of this program.
void sources_must_be_the_programs(bench::Checker &checker) {
    const fs::path share = fs::absolute("other-share"), empty = fs::absolute("empty-share");
    fs::create_directories(empty);
    setenv("SJ_SHARE", empty.c_str(), 1);
    expect_refusal(kTiny, "no sources there", SJ_ERR_UNSUPPORTED, empty.c_str(), checker);
    for (const char *header : {"sim/systemc/sj_array.hpp", "rtl/glue/sj_rtl.hpp", "sim/accel/sj_accel.h", "common/sj_bf16.h"}) {
        copy_share(share);
        std::ofstream(share / header, std::ios::app) << "// other\n";
        expect_refusal(kTiny, header, SJ_ERR_UNSUPPORTED, share.c_str(), checker);
        checker.expect("nothing built", 0, static_cast<uint64_t>(lines), 0);
    }
    copy_share(share);
    char before[17] = "", after[17] = "", sources[17] = "", sources_after[17] = "", found[SJ_RTL_PATH_MAX] = "";
    sj_error err = {};
    checker.expect("the same", 0, sj_rtl_sources(found, sources, &err), SJ_OK);
    checker.expect("found", 0, found == share, 1);
    sj_rtl_hash_headers(share.c_str(), before, &err);
    std::ofstream(share / "common/sj_npy.h", std::ios::app) << "// other\n";
    checker.expect("hash", 0, sj_rtl_hash_headers(share.c_str(), after, &err), SJ_OK);
    checker.expect("a header that is not included", 0, std::strcmp(before, after) == 0, 1);
    checker.expect("a copy with other RTL", 0, sj_rtl_sources(found, sources_after, &err), SJ_OK);
    checker.expect("is another entry", 0, std::strcmp(sources, sources_after) != 0, 1);
    for (int i = 0; i < 129; i++) std::ofstream(share / "rtl" / ("more" + std::to_string(i) + ".sv"));
    expect_refusal(kTiny, "too many files", SJ_ERR_RANGE, "128", checker);
    unsetenv("SJ_SHARE");
}

// This program, called with the word "where" from another place: which sources it would take.
int tell_sources() {
    char share[SJ_RTL_PATH_MAX] = "", hash[17];
    sj_error err = {};
    if (sj_rtl_sources(share, hash, &err) != SJ_OK) std::printf("%s\n", err.message);
    std::printf("%s\n", share);
    return 0;
}

std::string sources_of(const fs::path &program) {
    char line[SJ_RTL_PATH_MAX] = "";
    FILE *output = popen(("'" + program.string() + "' where").c_str(), "r");
    if (output == nullptr || std::fgets(line, sizeof line, output) == nullptr) line[0] = '\0';
    if (output != nullptr) pclose(output);
    return fs::path(std::string(line, std::strcspn(line, "\n"))).lexically_normal();
}

// A program that was installed takes what was installed with it, wherever that was moved to; one in a build folder takes the tree it was built from.
void installed_programs_take_their_own(bench::Checker &checker) {
    const fs::path bin = fs::absolute("prefix/some/bin"), share = (bin / SJ_SHARE_BESIDE).lexically_normal();
    fs::create_directories(bin);
    fs::copy_file("/proc/self/exe", bin / "program", fs::copy_options::overwrite_existing);
    copy_share(share);
    unsetenv("SJ_SHARE");
    checker.expect("installed", 0, sources_of(bin / "program") == share.string(), 1);
    fs::remove_all(share);
    checker.expect("in a build folder", 0, sources_of(bin / "program") == SJ_SOURCE_DIR, 1);
}

// Blanks and the like do no harm in the paths; characters that tools would read otherwise are refused by name.
void odd_paths(bench::Checker &checker) {
    const std::string cache = std::getenv("SJ_CACHE");
    const fs::path odd = fs::absolute("a cache & (more); #1");
    fs::remove_all(odd);
    setenv("SJ_CACHE", odd.c_str(), 1);
    copy_share("a share & (more); #1");
    sj_error err = {};
    std::string path;
    const sj_status status = library(kTiny, &path, &err);
    if (status != SJ_OK) std::printf("%s\n", err.message);
    checker.expect("blanks", 0, status, SJ_OK);
    checker.expect("in its place", 0, path.compare(0, odd.string().size(), odd.string()) == 0 && is_sealed(path), 1);
    unsetenv("SJ_SHARE");
    for (const char *name : {"quote\"d", "back\\slash", "new\nline", "$variable"}) {
        const fs::path folder = fs::absolute(name);
        setenv("SJ_CACHE", folder.c_str(), 1);
        expect_refusal(kTiny, name, SJ_ERR_RANGE, folder.c_str(), checker);
        fs::remove_all(folder);
    }
    const std::string deep = fs::absolute(std::string(3900, 'x'));
    setenv("SJ_CACHE", deep.c_str(), 1);
    expect_refusal(kTiny, "a long path", SJ_ERR_IO, "characters long", checker);
    setenv("SJ_CACHE", cache.c_str(), 1);
}

}  // namespace

int main(int argc, char **argv) {
    if (argc > 1 && std::strcmp(argv[1], "where") == 0) return tell_sources();
    const uint64_t seed = bench::seed();
    bench::Checker checker;
    const fs::path cache = fs::absolute("on-demand-cache");
    fs::remove_all(cache);
    setenv("SJ_CACHE", cache.c_str(), 1);
    unsetenv("SJ_SHARE");
    sj_rtl_set_progress(say, nullptr);
    shapes_work(seed, checker);
    broken_entries_are_rebuilt(checker);
    two_may_race(checker);
    what_others_may_write_is_refused(checker);
    foreign_folders_survive(checker);
    without_tools(checker);
    broken_rtl(checker);
    sources_must_be_the_programs(checker);
    installed_programs_take_their_own(checker);
    odd_paths(checker);
    return checker.result();
}
