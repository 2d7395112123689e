// SPDX-License-Identifier: Apache-2.0
#include "sj_rtl.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "sj_rtl_build.h"
#include "sj_rtl_cache.h"
#include "sj_rtl_headers.h"

namespace sj {

// sj_rtl_shapes.inc is made by rtl/CMakeLists.txt: SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) for each built elaboration.
#define SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) std::unique_ptr<Array> make_##name(bool gate);
#include "sj_rtl_shapes.inc"
#undef SJ_SHAPE

namespace {

struct Elaboration {
    int rows, lanes, slots, k_tile, acc_banks;
    sj_dtype dtype;
    bool skip;
    int mutation;
    std::unique_ptr<Array> (*make)(bool gate);
};

const Elaboration kElaborations[] = {
#define SJ_SHAPE(name, rows, lanes, slots, k_tile, acc_banks, dtype, skip, mutation) \
    {rows, lanes, slots, k_tile, acc_banks, dtype, skip != 0, mutation, make_##name},
#include "sj_rtl_shapes.inc"
#undef SJ_SHAPE
};

static_assert(kMaxKTile == 256, "the limit that check_shape names");

bool fits(const Elaboration &e, const ArrayShape &s, int mutation) {
    return e.rows == s.rows && e.lanes == s.lanes && e.slots == s.slots && e.k_tile == s.k_tile && e.acc_banks == s.acc_banks && e.dtype == s.dtype &&
           e.skip == (s.machine == SJ_MACHINE_SKIP) && e.mutation == mutation;
}

std::string shape_text(const ArrayShape &s) {
    char text[96];
    const sj_rtl_spec spec = {s.rows, s.lanes, s.slots, s.k_tile, s.acc_banks, s.dtype, false, false, 0};
    sj_rtl_shape_text(&spec, text, sizeof text);
    return text;
}

std::string shapes_built_in() {
    std::string list;
    for (const ArrayShape &s : verilated_shapes()) list += (list.empty() ? "" : "; ") + shape_text(s);
    return list;
}

// The limits of the RTL's parameters.
sj_status check_shape(const ArrayShape &s, sj_error *err) {
    const struct {
        const char *key;
        int value, least, most;
    } limits[] = {{"array.rows", s.rows, 1, 256}, {"array.lanes", s.lanes, 1, 256}, {"array.slots", s.slots, 1, 256}, {"array.acc_banks", s.acc_banks, 1, 8}};
    for (const auto &l : limits) {
        if (l.value < l.least || l.value > l.most) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "fidelity rtl: %s = %d; allowed are %d to %d", l.key, l.value, l.least, l.most);
        }
    }
    if (s.k_tile < 8 || s.k_tile > kMaxKTile || s.k_tile % 8 != 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "fidelity rtl: array.k_tile = %d; allowed are multiples of 8 from 8 to %d", s.k_tile, kMaxKTile);
    }
    return SJ_OK;
}

using SpecKey = std::tuple<int, int, int, int, int, int, bool, bool, int>;
SpecKey spec_key(const sj_rtl_spec &s) { return {s.rows, s.lanes, s.slots, s.k_tile, s.acc_banks, s.dtype, s.skip, s.wave, s.mutation}; }

// Libraries stay loaded until the program ends: arrays of theirs may be about.
struct Libraries {
    std::mutex lock;
    std::map<SpecKey, void *> loaded;
    sj_rtl_say say = nullptr;
    void *say_ctx = nullptr;
};

Libraries &libraries() {
    static auto *one = new Libraries;
    return *one;
}

// Loads the file behind the descriptor, and no other that may stand at its path by now. The loader knows a library by its name: the descriptor of one that is loaded
// stays open, so that no other gets its number.
void *load(int fd, const char *path, sj_error *err) {
    void *handle = dlopen(("/proc/self/fd/" + std::to_string(fd)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be loaded: %s", path, dlerror());
        close(fd);
        return nullptr;
    }
    const auto headers = reinterpret_cast<const char *(*)()>(dlsym(handle, "sj_rtl_headers"));
    if (headers == nullptr || std::strcmp(headers(), SJ_RTL_HEADERS_HASH) != 0) {
        SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: was compiled from other headers than this program; remove it", path);
        dlclose(handle);
        close(fd);
        return nullptr;
    }
    return handle;
}

// A function of the library of an array, which is built where it has to be.
void *library_function(const ArrayShape &shape, int mutation, bool wave, const char *name, sj_error *err) {
    if (check_shape(shape, err) != SJ_OK) return nullptr;
    Libraries &all = libraries();
    const std::lock_guard<std::mutex> guard(all.lock);
    const sj_rtl_spec spec = {shape.rows, shape.lanes, shape.slots, shape.k_tile, shape.acc_banks, shape.dtype, shape.machine == SJ_MACHINE_SKIP, wave, mutation};
    char path[SJ_RTL_PATH_MAX] = "";
    void *&handle = all.loaded[spec_key(spec)];
    if (handle == nullptr) {
        int fd = -1;
        if (sj_rtl_cache_library(&spec, shapes_built_in().c_str(), all.say, all.say_ctx, path, &fd, err) != SJ_OK) return nullptr;
        handle = load(fd, path, err);
        if (handle == nullptr) return nullptr;
    }
    void *function = dlsym(handle, name);
    if (function == nullptr) SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be loaded: %s", path, dlerror());
    return function;
}

}  // namespace

std::unique_ptr<Array> make_mutant_array(const ArrayShape &shape, int mutation, sj_error *err) {
    const bool gate = shape.machine != SJ_MACHINE_DENSE;
    for (const Elaboration &e : kElaborations) {
        if (fits(e, shape, mutation)) return e.make(gate);
    }
    auto *make = reinterpret_cast<Array *(*)(bool)>(library_function(shape, mutation, false, "sj_rtl_make", err));
    return std::unique_ptr<Array>(make != nullptr ? make(gate) : nullptr);
}

std::unique_ptr<Array> make_verilated_array(const ArrayShape &shape, sj_error *err) { return make_mutant_array(shape, kMutationNone, err); }

std::unique_ptr<Array> make_wave_array(const ArrayShape &shape, const Wave &wave, sj_error *err) {
    auto *make = reinterpret_cast<Array *(*)(bool, const Wave &)>(library_function(shape, kMutationNone, true, "sj_rtl_make_wave", err));
    if (make == nullptr) return nullptr;
    std::unique_ptr<Array> array(make(shape.machine != SJ_MACHINE_DENSE, wave));
    if (!array) SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be written", wave.path);
    return array;
}

std::vector<ArrayShape> verilated_shapes() {
    std::vector<ArrayShape> shapes;
    for (const Elaboration &e : kElaborations) {
        if (e.mutation == kMutationNone && e.skip) shapes.push_back({e.rows, e.lanes, e.slots, e.k_tile, e.acc_banks, e.dtype, SJ_MACHINE_SKIP});
    }
    return shapes;
}

ArrayShape mutant_shape() {
    for (const Elaboration &e : kElaborations) {
        if (e.mutation != kMutationNone) return {e.rows, e.lanes, e.slots, e.k_tile, e.acc_banks, e.dtype, SJ_MACHINE_SKIP};
    }
    return {};
}

}  // namespace sj

void sj_rtl_set_progress(void (*say)(void *ctx, const char *line), void *ctx) {
    const std::lock_guard<std::mutex> guard(sj::libraries().lock);
    sj::libraries().say = say;
    sj::libraries().say_ctx = ctx;
}
