/* The partitions that a member of a group should own (pure core). */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In ascending order, none twice. Begins as all zeroes. */
struct share {
	int32_t *at;
	size_t n;
};

/* Replaces the share. The partitions may come in any order. */
void share_set(struct share *s, const int32_t *partitions, size_t n);
/* Replaces *out with those of `a` that are (`common`), or are not, in `b`. */
void share_compare(const struct share *a, const struct share *b, bool common,
    struct share *out);
/* Appends "0-3,7"; "none" if there are none. */
void share_print(const struct share *s, struct buf *out);
void share_free(struct share *s);
