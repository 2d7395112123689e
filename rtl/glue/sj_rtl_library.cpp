// SPDX-License-Identifier: Apache-2.0
// The library of one array that was built on demand: compiled with SJ_ROWS ... SJ_K_TILE, SJ_HEADERS_HASH (sj_rtl_hash_headers), and SJ_WAVE where it can write waveforms.
#include "Vsj_array_control.h"
#include "Vsj_array_control___024root.h"
#include "Vsj_row.h"
#include "Vsj_row___024root.h"

#include "sj_row_array.hpp"

#define SJ_EXPORT extern "C" __attribute__((visibility("default")))

// Of the headers that this was compiled with: those of the program, or it is not used.
SJ_EXPORT const char *sj_rtl_headers() { return SJ_HEADERS_HASH; }

#ifdef SJ_WAVE
#include "sj_fst_wave.hpp"

using SjArray = sj::RowArray<Vsj_array_control, Vsj_row, SJ_ROWS, SJ_LANES, SJ_SLOTS, SJ_K_TILE, sj::FstWave>;

// Null where the file cannot be written.
SJ_EXPORT sj::Array *sj_rtl_make_wave(bool gate, const sj::Wave &wave) {
    auto array = std::make_unique<SjArray>(gate, wave);
    return array->wave().is_open() ? array.release() : nullptr;
}
#else
using SjArray = sj::RowArray<Vsj_array_control, Vsj_row, SJ_ROWS, SJ_LANES, SJ_SLOTS, SJ_K_TILE>;

SJ_EXPORT sj::Array *sj_rtl_make(bool gate) { return new SjArray(gate); }
#endif
