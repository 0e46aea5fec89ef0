/* The results of the items of a bulk, in their order (pure core).
 *
 * A bulk may have many items, so each takes few bytes. Texts of errors are kept
 * up to BULK_RESULTS_ERRORS bytes in all. Later items have only their status
 * and type.
 */
#pragma once

#include "api/commits/outcomes.h"
#include "api/core/problem.h"
#include "common/base/buf.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BULK_RESULTS_ERRORS = 1024 * 1024 };

enum result_kind {
	RESULT_PENDING,	 /* not known yet */
	RESULT_ACCEPTED, /* in the log */
	RESULT_APPLIED,	 /* committed */
	RESULT_CREATED,	 /* committed; made the row */
	RESULT_REJECTED, /* `detail`: a reason */
	RESULT_SKIPPED,	 /* the row was there, and stays */
	RESULT_PROBLEM,	 /* not accepted; `detail`: a problem */
};

struct result {
	version_t version;
	int32_t partition; /* -1: the position is not known */
	uint32_t key;	   /* offset in `texts`; 0: none */
	uint32_t errors;   /* likewise */
	uint8_t kind, detail;
	bool replayed; /* a retry: the outcome is that of the first write */
};

struct bulk_results {
	struct result *items;
	size_t n, cap;
	struct buf texts;
	size_t errors; /* bytes of error texts */
	/* A create whose row is there is not rejected, but skipped. */
	bool skips;
};

/* Adds a pending result; returns its index. */
size_t bulk_results_add(struct bulk_results *r);
/* Removes the last result. */
void bulk_results_drop(struct bulk_results *r);
/* Sets the key of an item; copies it. */
void bulk_results_key(
    struct bulk_results *r, size_t i, const char *key, size_t len);
/* `p` NULL: the position is not known. */
void bulk_results_accepted(
    struct bulk_results *r, size_t i, const struct position *p);
/* `v` may be NULL; it is borrowed. */
void bulk_results_problem(struct bulk_results *r, size_t i, enum problem p,
    const struct violations *v);
/* `o` must not be OUTCOME_UNKNOWN. */
void bulk_results_settled(struct bulk_results *r, size_t i, struct outcome o);
/* The write is a replay of one whose row has this key; "": not known. Copies
 * it. */
void bulk_results_replayed(struct bulk_results *r, size_t i, const char *key);
/* Is it accepted at a known position, and not decided yet? */
bool bulk_results_open(const struct bulk_results *r, size_t i);

enum bulk_results_form { BULK_RESULTS_ARRAY, BULK_RESULTS_LINES };
struct bulk_results_words {
	enum bulk_results_form form;
	/* Only the results that differ from what was asked for, each with its
	 * index. */
	bool minimal;
	bool waited; /* for commits: 202 is not what was asked for */
};
/* Appends the results as text. */
void bulk_results_write(const struct bulk_results *r,
    struct bulk_results_words words, struct buf *out);
/* Appends the newest position of each partition, in the form of
 * Sluice-Read-After. */
void bulk_results_positions(
    const struct bulk_results *r, int32_t partitions, struct buf *out);
/* Is there an item with this status? */
bool bulk_results_have(const struct bulk_results *r, unsigned status);
/* Bytes of memory that the results take. */
size_t bulk_results_memory(const struct bulk_results *r);
void bulk_results_free(struct bulk_results *r);
