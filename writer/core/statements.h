/* Every SQL statement of the running writer, made once. */
#pragma once

#include "common/schema/collection.h"

#include <stddef.h>

struct statements_of {
	const struct collection *collection;
	/* sql_delete with the rejections of what was not there.
	 * $1 text[] keys, $2 int8[] versions;
	 * $3 text[] keys, $4 int8[] versions, $5 int8[] accepted-at (us): of
	 * first writes that are deletes; $6 int4 partition, $7 text collection.
	 * Column: the keys whose rows are gone. */
	char *erase;
	char *upsert;	/* sql_upsert */
	char *current;	/* sql_current */
	char *versions; /* sql_versions */
	char *read;	/* sql_read_within */
};

struct statements {
	struct statements_of *of; /* one per collection */
	size_t n;
};

/* $1 int4 partition, $2 int8 from, $3 int8 to. Fails with SL001 when the
 * watermark is not at `from`. */
extern const char statements_fence[];
/* $1 int4 partition; arrays: $2 int8 version, $3 text collection, $4 text key,
 * $5 text op, $6 text reason, $7 text detail, $8 bytea body, $9 int8
 * accepted-at (us). */
extern const char statements_reject[];
/* $1 int4[] partitions. Columns partition int4, next_offset int8; locks. */
extern const char statements_progress[];
/* $1 text[] idempotency keys. Columns key text, fingerprint int8, partition
 * int4, version int8, outcome text, the row's key text, by key. */
extern const char statements_known[];
/* $1 text[] idempotency keys, whatever they were. */
extern const char statements_forget[];
/* Arrays: $1 text key, $2 int8 fingerprint, $4 int8 version, $5 text outcome,
 * $6 text the row's key; $3 int4 partition. Fails with 23505 where another
 * partition was faster. */
extern const char statements_remember[];
#define STATEMENTS_KEY_TAKEN "idempotency_pkey"
/* $1 int4 partition; arrays: $2 int8 version, $3 int4 first partition, $4 int8
 * first version, $5 text outcome, $6 text the first one's row's key. */
extern const char statements_replay[];
/* $1 int4 partition; arrays: $2 text instance, $3 int8 last number. */
extern const char statements_producers[];
/* $1 int4[] partitions. Columns partition int4, instance text, last number
 * int8. */
extern const char statements_seen[];
/* $1 int4 partition, $2 int8 last version: orders up to there are carried out.
 */
extern const char statements_obeyed[];
/* $1 int4 partition, $2 int8 from, $3 int8 to. Columns version, reason,
 * detail (at most 300 characters); of a replay the first one's partition,
 * version, outcome and key, else 0 and "". */
extern const char statements_rejected[];
/* Columns topic text, partitions int4, epoch int4, cluster text. */
extern const char statements_log[];
/* $1 text: the cluster, unless one is known. */
extern const char statements_cluster[];

/* Returns owned. */
struct statements *statements_new(void);
void statements_free(struct statements **s);
const struct statements_of *statements_for(
    const struct statements *s, const struct collection *c);
