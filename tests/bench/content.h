/* What every subject of tests/bench/write gets to write: the same rows in the
 * same order, made from a number.
 *
 * insert  `rows` keys, each once, in an order that is no order
 * update  the same keys, each once, in another order; again after `rows` writes
 * hot     keys of the first 10,000, by Zipf's law with exponent 0.99
 */
#pragma once

#include "common/base/clock.h"

#include <stddef.h>
#include <stdint.h>

enum content_mix { CONTENT_INSERT, CONTENT_UPDATE, CONTENT_HOT, CONTENT_MIXES };

enum {
	CONTENT_HOT_KEYS = 10000,
	CONTENT_KEY_LEN = 16,
	CONTENT_VALUE_LEN = 200,
};

struct content_row {
	char key[CONTENT_KEY_LEN + 1];
	char value[CONTENT_VALUE_LEN + 1]; /* nothing in it needs an escape */
	/* Ascends over insert, update and hot, so that each is newer than the
	 * one before. */
	uint64_t version;
	wall_us_t at;
};

struct content;

/* Returns owned. */
struct content *content_new(enum content_mix mix, uint64_t rows);
/* `i` may be beyond `rows`. */
void content_row(const struct content *c, uint64_t i, struct content_row *out);
/* Like 2026-01-02T03:04:05.678901Z. */
enum { CONTENT_TIME_LEN = 27 };
void content_time(wall_us_t at, char out[CONTENT_TIME_LEN + 1]);
void content_free(struct content **c);

/* Ends the program with a message when it is not one of theirs. */
enum content_mix content_mix_parse(const char *name);
