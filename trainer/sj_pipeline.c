// SPDX-License-Identifier: Apache-2.0
#include "sj_pipeline.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

typedef struct buffer {
    void *input;
    uint16_t *labels;
} buffer;

struct sj_pipeline {
    sj_pipeline_options o;
    int64_t iterations;   // of the epoch
    int64_t *order;       // the thread's own
    buffer buffers[SJ_PIPELINE_DEPTH_MAX];  // iteration i lies in buffers[(i - first_iteration) % depth]
    pthread_t thread;
    pthread_mutex_t lock;  // guards the three below; a buffer is the thread's while made <= its iteration < taken + depth, else the consumer's
    pthread_cond_t changed;
    int64_t made, taken;   // iterations below are full; are given away
    bool stopping;
};

static buffer *buffer_of(sj_pipeline *p, int64_t iteration) { return &p->buffers[(iteration - p->o.first_iteration) % p->o.depth]; }

// Waits until there is room for one more; false when the pipeline stops.
static bool wait_for_room(sj_pipeline *p, int64_t iteration) {
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && iteration >= p->taken + p->o.depth) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    const bool go_on = !p->stopping;
    pthread_mutex_unlock(&p->lock);
    return go_on;
}

static void *make_batches(void *context) {
    sj_pipeline *p = context;
    const sj_pipeline_options *o = &p->o;
    sj_batch_order(o->augment.seed, o->epoch, o->data->train.count, p->order);
    for (int64_t i = o->first_iteration; i < p->iterations && wait_for_room(p, i); i++) {
        const buffer *b = buffer_of(p, i);
        sj_batch_train_images(&o->layout, o->data, &o->augment, o->epoch, p->order + i * o->batch, o->batch, b->input, b->labels);
        pthread_mutex_lock(&p->lock);
        p->made = i + 1;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

static sj_status check(const sj_pipeline_options *o, sj_error *err) {
    const int64_t images = o->data->train.count;
    if (o->batch < 1 || o->batch > images) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "input pipeline: batches of %lld images; allowed are 1 to the %lld training images of data set %s", (long long)o->batch, (long long)images,
                       o->data->name);
    }
    if (o->depth < 1 || o->depth > SJ_PIPELINE_DEPTH_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "input pipeline: %d batches ahead; allowed are 1 to %d", o->depth, SJ_PIPELINE_DEPTH_MAX);
    }
    if (o->first_iteration < 0 || o->first_iteration >= images / o->batch) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "input pipeline: first iteration %lld; an epoch has iterations 0 to %lld", (long long)o->first_iteration, (long long)(images / o->batch - 1));
    }
    if (o->layout.dims.h != o->data->dims.h || o->layout.dims.w != o->data->dims.w || o->layout.dims.c != o->data->dims.c) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "input pipeline: the layout is not that of the images of data set %s", o->data->name);
    }
    return SJ_OK;
}

static void release(sj_pipeline *p) {
    for (int i = 0; i < p->o.depth; i++) {
        free(p->buffers[i].input);
        free(p->buffers[i].labels);
    }
    free(p->order);
    free(p);
}

// With all signals blocked, so that an interrupt wakes the thread that waits for it.
static int start_thread(sj_pipeline *p) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int cause = pthread_create(&p->thread, NULL, make_batches, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cause;
}

sj_status sj_pipeline_start(const sj_pipeline_options *options, sj_pipeline **out, sj_error *err) {
    *out = NULL;
    SJ_TRY(check(options, err));
    sj_pipeline *p;
    SJ_TRY(sj_alloc((void **)&p, 1, sizeof *p, "the input pipeline", err));
    p->o = *options;
    p->iterations = options->data->train.count / options->batch;
    p->made = p->taken = options->first_iteration;
    sj_status status = sj_alloc((void **)&p->order, (uint64_t)options->data->train.count, sizeof *p->order, "the order of the images", err);
    for (int i = 0; i < options->depth && status == SJ_OK; i++) {
        status = sj_batch_alloc(&options->layout, options->batch, &p->buffers[i].input, &p->buffers[i].labels, err);
    }
    if (status != SJ_OK) {
        release(p);
        return status;
    }
    (void)pthread_mutex_init(&p->lock, NULL);  // Linux: neither can fail with default attributes
    (void)pthread_cond_init(&p->changed, NULL);
    const int cause = start_thread(p);
    if (cause != 0) {
        (void)pthread_cond_destroy(&p->changed);
        (void)pthread_mutex_destroy(&p->lock);
        release(p);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "input pipeline: cannot start a thread: %s", strerror(cause));
    }
    *out = p;
    return SJ_OK;
}

sj_status sj_pipeline_next(sj_pipeline *p, void **input, uint16_t **labels, sj_error *err) {
    if (*input == NULL || *labels == NULL) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "input pipeline: no buffer was given back");
    }
    if (p->taken >= p->iterations) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "input pipeline: epoch %lld has %lld batches, and all were taken", (long long)p->o.epoch, (long long)p->iterations);
    }
    pthread_mutex_lock(&p->lock);
    while (p->made <= p->taken) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    buffer *b = buffer_of(p, p->taken);
    const buffer full = *b;
    *b = (buffer){*input, *labels};
    p->taken++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    *input = full.input;
    *labels = full.labels;
    return SJ_OK;
}

void sj_pipeline_stop(sj_pipeline *p) {
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    (void)pthread_join(p->thread, NULL);
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
    release(p);
}
