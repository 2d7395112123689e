// SPDX-License-Identifier: Apache-2.0
// The states of a method: which iterations are of one class, and what people are told of them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

#define KEYS_MAX 32
#define TEXT_MAX 128

// "keep=" of "ssprop", with the values that the ledger has of it.
typedef struct key {
    char name[TEXT_MAX];  // "ssprop keep="
    int count;            // of distinct values, up to one more than are named singly
    double values[SJ_RUN_STATE_VALUES_MAX + 1], low, high;
} key;

typedef struct keys {
    int count;
    key of[KEYS_MAX];
} keys;

// A skipped row says so in its own column; its text is for people.
static const char *text_of(const sj_ledger *l, int64_t row) {
    const char *text = l->method_state[row];
    return l->skipped[row] != 0 && strncmp(text, "gradsamp skipped", strlen("gradsamp skipped")) != 0 ? "gradsamp skipped" : text[0] != '\0' ? text : "plain";
}

// The next token of a state, and the word that it belongs to; false at the end.
static bool next_token(const char **at, char token[TEXT_MAX], char word[TEXT_MAX]) {
    *at += strspn(*at, " ");
    const size_t length = strcspn(*at, " ");
    if (length == 0 || length >= TEXT_MAX) {
        return false;
    }
    memcpy(token, *at, length);
    token[length] = '\0';
    *at += length;
    if (strchr(token, '=') == NULL) {
        strcpy(word, token);
    }
    return true;
}

// The key of "keep=0.2", or NULL for a word, for text that is no number, and beyond the last key there is room for.
static key *key_of(keys *k, const char *word, const char *token, bool add, double *value) {
    const char *sign = strchr(token, '=');
    char *end, name[2 * TEXT_MAX];
    if (sign == NULL) {
        return NULL;
    }
    *value = strtod(sign + 1, &end);
    if (end == sign + 1 || *end != '\0' || snprintf(name, sizeof name, "%s %.*s", word, (int)(sign - token) + 1, token) >= TEXT_MAX) {
        return NULL;
    }
    for (int i = 0; i < k->count; i++) {
        if (strcmp(k->of[i].name, name) == 0) {
            return &k->of[i];
        }
    }
    if (!add || k->count == KEYS_MAX) {
        return NULL;
    }
    key *new = &k->of[k->count++];
    strcpy(new->name, name);
    new->low = new->high = *value;
    return new;
}

static void note_value(key *k, double value) {
    k->low = value < k->low ? value : k->low;
    k->high = value > k->high ? value : k->high;
    for (int i = 0; i < k->count; i++) {
        if (k->values[i] == value) {
            return;
        }
    }
    if (k->count <= SJ_RUN_STATE_VALUES_MAX) {
        k->values[k->count++] = value;
    }
}

static void note_keys(keys *k, const char *text) {
    char token[TEXT_MAX], word[TEXT_MAX] = "";
    double value = 0.0;
    while (next_token(&text, token, word)) {
        key *one = key_of(k, word, token, true, &value);
        if (one != NULL) {
            note_value(one, value);
        }
    }
}

static void append(char out[TEXT_MAX], const char *text) {
    if (out[0] != '\0') {
        strncat(out, " ", TEXT_MAX - 1 - strlen(out));
    }
    strncat(out, text, TEXT_MAX - 1 - strlen(out));
}

// The words alone, and the text with keys of many values taken together.
static void name_text(keys *k, const char *text, char words[TEXT_MAX], char name[TEXT_MAX]) {
    char token[TEXT_MAX], word[TEXT_MAX] = "";
    double value = 0.0;
    words[0] = name[0] = '\0';
    while (next_token(&text, token, word)) {
        const key *one = key_of(k, word, token, false, &value);
        if (strchr(token, '=') == NULL) {
            append(words, token);
        }
        if (one != NULL && one->count > SJ_RUN_STATE_VALUES_MAX) {
            char range[2 * TEXT_MAX];
            snprintf(range, sizeof range, "%.*s%g..%g", (int)(strchr(token, '=') - token) + 1, token, one->low, one->high);
            append(name, range);
        } else {
            append(name, token);
        }
    }
}

static int index_of(char (*names)[TEXT_MAX], int *count, const char *name) {
    for (int i = *count - 1; i >= 0; i--) {  // most often the last one met
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    strcpy(names[*count], name);
    return (*count)++;
}

static sj_status allocate(const sj_ledger *l, run_states *s, sj_error *err) {
    const uint64_t rows = (uint64_t)l->rows;
    void *memory;
    SJ_TRY(sj_alloc(&memory, rows, sizeof *s->class_of_row, "the states of a ledger", err));
    s->class_of_row = memory;
    SJ_TRY(sj_alloc(&memory, rows, sizeof *s->state_of_row, "the states of a ledger", err));
    s->state_of_row = memory;
    SJ_TRY(sj_alloc(&memory, rows, sizeof *s->class_names, "the states of a ledger", err));
    s->class_names = memory;
    SJ_TRY(sj_alloc(&memory, rows, sizeof *s->state_names, "the states of a ledger", err));
    s->state_names = memory;
    return SJ_OK;
}

sj_status sj_run_states_find(const sj_ledger *l, run_states *s, sj_error *err) {
    memset(s, 0, sizeof *s);
    void *memory;
    SJ_TRY(allocate(l, s, err));
    SJ_TRY(sj_alloc(&memory, 1, sizeof(keys), "the states of a ledger", err));
    keys *k = memory;
    for (int64_t row = 0; row < l->rows; row++) {
        if (row == 0 || strcmp(text_of(l, row), text_of(l, row - 1)) != 0) {
            note_keys(k, text_of(l, row));
        }
    }
    for (int64_t row = 0; row < l->rows; row++) {
        char words[TEXT_MAX], name[TEXT_MAX];
        name_text(k, text_of(l, row), words, name);
        s->class_of_row[row] = index_of(s->class_names, &s->class_count, words);
        s->state_of_row[row] = index_of(s->state_names, &s->state_count, name);
    }
    free(k);
    return SJ_OK;
}

void sj_run_states_free(run_states *s) {
    free(s->class_of_row);
    free(s->state_of_row);
    free(s->class_names);
    free(s->state_names);
    memset(s, 0, sizeof *s);
}
