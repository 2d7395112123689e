// SPDX-License-Identifier: Apache-2.0
// The blocks of an FST file: a byte with the type, then 8 bytes, big-endian, with the length of the block behind the type. The writer sets the length of the last one, the hierarchy,
// from where the file ends: that one's LZ4 stream must give the length that it claims.
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_fst_check.h"

enum { HEADER = 0, CHANGES = 1, GEOMETRY = 3, HIERARCHY = 4, CHANGES_ALIAS = 5, HIERARCHY_LZ4 = 6, HIERARCHY_LZ4_TWICE = 7, CHANGES_ALIAS_2 = 8, UNFINISHED = 255 };
enum { HEADER_BYTES = 330, AT_CHANGE_BLOCKS = 65, LENGTH_BYTES = 8 };

typedef struct block_counts {
    uint64_t headers, changes, geometries, hierarchies, unfinished;
    uint64_t changes_claimed;  // by the header
} block_counts;

static uint64_t big_endian(const unsigned char *at) {
    uint64_t value = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) {
        value = (value << 8) | at[i];
    }
    return value;
}

static void count(unsigned char type, block_counts *c) {
    c->headers += type == HEADER;
    c->changes += type == CHANGES || type == CHANGES_ALIAS || type == CHANGES_ALIAS_2;
    c->geometries += type == GEOMETRY;
    c->hierarchies += type == HIERARCHY || type == HIERARCHY_LZ4 || type == HIERARCHY_LZ4_TWICE;
    c->unfinished += type == UNFINISHED;
}

// A length of LZ4: 15 in the token is continued in bytes, up to the first that is not 255.
static uint64_t lz4_number(unsigned nibble, const unsigned char **at, const unsigned char *end) {
    uint64_t number = nibble;
    for (bool more = nibble == 15; more && *at < end; (*at)++) {
        number += **at;
        more = **at == 255;
    }
    return number;
}

// What an LZ4 block unpacks to, in bytes; 0 where it ends within a sequence.
static uint64_t lz4_unpacked(const unsigned char *at, const unsigned char *end) {
    uint64_t total = 0;
    while (at < end) {
        const unsigned token = *at++;
        const uint64_t literals = lz4_number(token >> 4, &at, end);
        if (literals > (uint64_t)(end - at)) {
            return 0;
        }
        at += literals;
        total += literals;
        if (at == end) {
            return total;  // the last sequence has no match
        }
        if (end - at < 2) {
            return 0;
        }
        at += 2;
        total += 4 + lz4_number(token & 15, &at, end);
    }
    return 0;
}

// A hierarchy of LZ4: its unpacked length, 8 bytes; packed twice the length between the two, 7 bits a byte, lowest first; the stream.
static bool hierarchy_is_whole(unsigned char type, const unsigned char *data, uint64_t bytes) {
    const unsigned char *at = data + LENGTH_BYTES, *end = data + bytes;
    if (bytes < LENGTH_BYTES) {
        return false;
    }
    uint64_t wanted = big_endian(data);
    if (type == HIERARCHY_LZ4_TWICE) {
        wanted = 0;
        bool more = true;
        for (unsigned shift = 0; more && at < end && shift < 63; shift += 7, at++) {
            wanted |= (uint64_t)(*at & 127) << shift;
            more = (*at & 128) != 0;
        }
    }
    return lz4_unpacked(at, end) == wanted;
}

static const char *check_hierarchy(FILE *f, unsigned char type, uint64_t bytes) {
    unsigned char *data = malloc(bytes + 1);
    if (data == NULL) {
        return "no memory to read its hierarchy again";
    }
    const bool whole = fread(data, 1, bytes, f) == bytes && hierarchy_is_whole(type, data, bytes);
    free(data);
    return whole ? NULL : "its hierarchy ends early";
}

// What is wrong with the file, or NULL.
static const char *walk(FILE *f, block_counts *c) {
    unsigned char header[HEADER_BYTES], head[1 + LENGTH_BYTES];
    if (fseeko(f, 0, SEEK_END) != 0) {
        return strerror(errno);
    }
    const uint64_t size = (uint64_t)ftello(f);
    if (fseeko(f, 0, SEEK_SET) != 0 || fread(header, sizeof header, 1, f) != 1 || header[0] != HEADER || big_endian(header + 1) != HEADER_BYTES - 1) {
        return "it does not begin with a header";
    }
    c->changes_claimed = big_endian(header + AT_CHANGE_BLOCKS);
    for (uint64_t at = 0; at < size;) {
        if (fseeko(f, (off_t)at, SEEK_SET) != 0 || fread(head, sizeof head, 1, f) != 1) {
            return "it ends within the head of a block";
        }
        const uint64_t length = big_endian(head + 1);
        if (length < LENGTH_BYTES || length > size - at - 1) {
            return "a block is longer than what is there of it, or has no length";
        }
        count(head[0], c);
        if (head[0] == HIERARCHY_LZ4 || head[0] == HIERARCHY_LZ4_TWICE) {
            const char *fault = check_hierarchy(f, head[0], length - LENGTH_BYTES);
            if (fault != NULL) {
                return fault;
            }
        }
        at += 1 + length;
    }
    return NULL;
}

sj_status sj_fst_check(const char *path, const char *name, sj_error *err) {
    block_counts c = {.headers = 0};
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "the waveform %s: cannot be read again: %s", name, strerror(errno));
    }
    const char *fault = walk(f, &c);
    fclose(f);
    if (fault == NULL && (c.headers != 1 || c.geometries != 1 || c.hierarchies != 1 || c.unfinished != 0 || c.changes != c.changes_claimed)) {
        fault = "a block is missing or unfinished";
    }
    return fault == NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "the waveform %s was not written whole (%s): is the disk full?", name, fault);
}
