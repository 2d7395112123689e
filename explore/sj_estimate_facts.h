// SPDX-License-Identifier: Apache-2.0
// What a run's estimators may know before it: sizes of the network and of the machine.
#ifndef SJ_ESTIMATE_FACTS_H
#define SJ_ESTIMATE_FACTS_H

#include "sj_trace.h"
#include "sj_whole_run.h"

#ifdef __cplusplus
extern "C" {
#endif

// prices: by sj_machine, NULL for a machine that is not run.
// MACs of an image: conv out.h x out.w x out.c x kernel_h x kernel_w x in.c / groups, linear in x out.c, matmul out.h x out.w x out.c x in.c; grad_weight as many (a matmul: its second operand's gradient), grad_input
// as many where the layer needs dx. Padding is counted here: an estimator that works by hand does not know which taps leave the image.
// idle_w: (leakage + clock + DRAM background + refresh at its interval) x clock. peak_w: idle_w, and each cycle rows x lanes active MACs with their pads' reads, and the DRAM's peak bandwidth read.
double sj_layer_macs(const sj_layer_info *l);           // of a pass over one image
double sj_layer_backward_macs(const sj_layer_info *l);  // grad_weight and, where the layer needs dx, grad_input
sj_run_facts sj_run_facts_of(const sj_network *net, const sj_accel *accel, const sj_prices *const prices[3]);

#ifdef __cplusplus
}
#endif
#endif
