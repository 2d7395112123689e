// SPDX-License-Identifier: Apache-2.0
// SCALE-Sim topology files (CSV) as a network of layers that are not connected: each reads an input of its own.
//
//   Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,       a convolution a row; sizes include the padding, so padding is 0
//   Layer, M, N, K,                                                                                            a product O[MxN] = A[MxK] B[KxN] a row
//
// A product becomes a 1x1 convolution of an image of M x 1 pixels with K channels into N: its pixels are the rows of A. The comma at the end may be absent; empty lines,
// lines of commas alone and what stands behind a '#' are no content. SCALE-Sim rounds the size of an output up where a stride does not divide; a convolution rounds it down.
#ifndef SJ_SCALESIM_H
#define SJ_SCALESIM_H

#include "sj_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

// needs_dx is set everywhere. The network's name is the file's, without folder and ".csv". Errors name line, column and value. sj_network_free when done.
sj_status sj_scalesim_read(const char *path, sj_network *out, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
