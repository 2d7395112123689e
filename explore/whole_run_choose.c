// SPDX-License-Identifier: Apache-2.0
// Which of many simulated steps are enough: so many of each state as it has iterations, evenly over time.
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

enum { LEAST_OF_A_STATE = 2 };

typedef struct share {
    int64_t iterations;  // of the ledger
    int steps, wanted;   // there are; are taken
} share;

static int least_of(const share *s) { return s->steps < LEAST_OF_A_STATE ? s->steps : LEAST_OF_A_STATE; }

// One step after another to the state that has most iterations for each of its steps.
static int hand_out(share *shares, int count, int wanted) {
    int given = 0;
    for (int i = 0; i < count; i++) {
        shares[i].wanted = least_of(&shares[i]);
        given += shares[i].wanted;
    }
    for (; given < wanted; given++) {
        int next = -1;
        for (int i = 0; i < count; i++) {
            const bool more = shares[i].wanted < shares[i].steps;
            if (more && (next < 0 || shares[i].iterations * (shares[next].wanted + 1) > shares[next].iterations * (shares[i].wanted + 1))) {
                next = i;
            }
        }
        if (next < 0) {
            break;
        }
        shares[next].wanted++;
    }
    return given;
}

// The first, the last, and the others evenly between.
static bool is_taken(int index, const share *s) {
    if (s->wanted >= s->steps || s->wanted == 1) {
        return s->wanted >= s->steps || index == s->steps / 2;
    }
    const int64_t near = ((int64_t)index * (s->wanted - 1) + (s->steps - 1) / 2) / (s->steps - 1);
    return (near * (s->steps - 1) + (s->wanted - 1) / 2) / (s->wanted - 1) == index;
}

static sj_status choose(const run_states *states, const sj_ledger *l, const sj_step_info *steps, int step_count, const int64_t *rows, int wanted, share *shares, bool *keep, sj_error *err) {
    for (int64_t row = 0; row < l->rows; row++) {
        shares[states->state_of_row[row]].iterations += l->skipped[row] == 0;
    }
    for (int s = 0; s < step_count; s++) {
        keep[s] = sj_step_is_skipped(&steps[s]);
        shares[states->state_of_row[rows[s] >= 0 ? rows[s] : 0]].steps += keep[s] ? 0 : 1;
    }
    const int least = hand_out(shares, states->state_count, 0);
    int traced = 0;
    for (int i = 0; i < states->state_count; i++) {
        traced += shares[i].steps;
    }
    if (wanted > traced) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%d steps are more than were traced, %d", wanted, traced);
    }
    if (wanted < least) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%d steps are too few: at least two of each of the method's states are wanted, %d in all", wanted, least);
    }
    (void)hand_out(shares, states->state_count, wanted);
    for (int state = 0; state < states->state_count; state++) {
        int index = 0;
        for (int s = 0; s < step_count; s++) {
            if (!sj_step_is_skipped(&steps[s]) && states->state_of_row[rows[s]] == state) {
                keep[s] = is_taken(index++, &shares[state]);
            }
        }
    }
    return SJ_OK;
}

sj_status sj_run_fit_choose(const sj_ledger *ledger, const sj_step_info *steps, int step_count, int wanted, bool *keep, sj_error *err) {
    run_states states;
    void *rows = NULL, *shares = NULL;
    SJ_TRY(sj_run_states_find(ledger, &states, err));
    sj_status status = sj_alloc(&rows, (uint64_t)step_count + 1, sizeof(int64_t), "the steps of a run", err);
    status = status == SJ_OK ? sj_alloc(&shares, (uint64_t)states.state_count + 1, sizeof(share), "the states of a run", err) : status;
    status = status == SJ_OK ? sj_run_match("the trace", ledger, steps, step_count, rows, err) : status;
    status = status == SJ_OK ? choose(&states, ledger, steps, step_count, rows, wanted, shares, keep, err) : status;
    free(rows);
    free(shares);
    sj_run_states_free(&states);
    return status;
}
