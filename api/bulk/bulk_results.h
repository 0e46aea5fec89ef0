/* What became of the items of a bulk, in their order (pure core).
 *
 * Few bytes an item, since a bulk has many: the texts of errors are kept up to
 * BULK_RESULTS_ERRORS bytes in all; items beyond that have their status and
 * type only.
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
	RESULT_PENDING,	 /* nothing is known */
	RESULT_ACCEPTED, /* the log has it */
	RESULT_APPLIED,	 /* committed */
	RESULT_CREATED,	 /* committed, and made the row */
	RESULT_REJECTED, /* `detail`: a reason */
	RESULT_PROBLEM,	 /* not accepted; `detail`: a problem */
};

struct result {
	version_t version;
	int32_t partition; /* -1: no position */
	uint32_t key;	   /* in `texts`; 0: none */
	uint32_t errors;   /* likewise */
	uint8_t kind, detail;
};

struct bulk_results {
	struct result *items;
	size_t n, cap;
	struct buf texts;
	size_t errors; /* bytes of them */
};

/* One more; returns its index. */
size_t bulk_results_add(struct bulk_results *r);
/* The last one is taken back. */
void bulk_results_drop(struct bulk_results *r);
void bulk_results_key(
    struct bulk_results *r, size_t i, const char *key, size_t len);
/* `p` NULL: where is not known. */
void bulk_results_accepted(
    struct bulk_results *r, size_t i, const struct position *p);
/* `v` may be NULL; it is borrowed. */
void bulk_results_problem(struct bulk_results *r, size_t i, enum problem p,
    const struct violations *v);
/* Not an unknown outcome. */
void bulk_results_settled(struct bulk_results *r, size_t i, struct outcome o);
/* Is it accepted at a known position, and not decided? */
bool bulk_results_open(const struct bulk_results *r, size_t i);

enum bulk_results_form { BULK_RESULTS_ARRAY, BULK_RESULTS_LINES };
struct bulk_results_words {
	enum bulk_results_form form;
	/* Only what is not as it was asked for, each with its index. */
	bool minimal;
	bool waited; /* 202 is not what was asked for */
};
void bulk_results_write(const struct bulk_results *r,
    struct bulk_results_words words, struct buf *out);
/* The newest position in each partition, as Sluice-Read-After takes them. */
void bulk_results_positions(
    const struct bulk_results *r, int32_t partitions, struct buf *out);
/* Is there an item with this status? */
bool bulk_results_have(const struct bulk_results *r, unsigned status);
/* Bytes that it takes. */
size_t bulk_results_memory(const struct bulk_results *r);
void bulk_results_free(struct bulk_results *r);
