/* The formats of the two logs, and of the log of ids.
 *
 * Every record and mark has the header
 *   format       decimal: what a reader must know at least to read it
 *                (common/log/stored_formats.def). Those of before have
 * none: 1. If it is above what a reader knows, the reader reads nothing else of
 * it (record_is_newer).
 *
 * sluice.writes: key `collection/key`, value the client's document, headers
 *   op           put | delete | patch (RFC 7396) | increment; or touch: the row
 *                is taken as it is, and there is no value; or batch: the key is
 *                `_batch/group`, and the value has the operations
 *                (common/log/operations.h)
 *   accepted-at  microseconds since 1970, decimal
 *   instance     16 hex digits, one per producer
 *   seq          decimal, ascending per instance and partition in log order
 *   if-match     `*`, or versions, decimal, with commas (optional)
 *   if-none-match `*` (optional)
 *   expired      `*`: with if-match, the row's time must have come (optional)
 *   create       `*`: as if-none-match, of a write whose purpose is a new row
 *   shape        16 hex digits: the collection's, as the API declares it
 *                (common/schema/collection.h; optional)
 *   idempotency-key, fingerprint (16 hex digits of the request) (optional)
 *   traceparent  the span that appended the record (docs/tracing.md); without
 *                traces, as the client sent it (optional)
 *   by           the subject of the principal that wrote it (optional)
 *   owner        `field:value`: the writer rejects the write if there is a row
 *                whose field has another value (optional)
 *
 * sluice.commits: key `collection/key`, value the canonical document, or null
 * for a row that is gone, headers
 *   version      decimal; of the newest write in the row change
 *   op           put | delete | changed: the row exists, but its document is
 *                too large to be announced; the value is empty
 *   accepted-at  as above
 *   created      decimal version of the write that created the row, also if
 *                the row is gone again (optional)
 *   by           the subject of the principal that wrote it (optional)
 *   owner-was    the owner that the row had before, if it is gone or has
 *                another owner now (optional)
 *   traceparent  the span of the write in the writer, if it is sampled
 *                (docs/tracing.md; optional)
 *
 * A batch mark in sluice.commits has the key `_mark` (no collection's name
 * begins with `_`) and the value
 *   {"from":"100","through":"150","after":7041,
 *    "rejected":[{"version":"120","reason":"not-found"}],
 *    "replays":[{"version":"121","first":"5-7","outcome":"created","key":"k"}]}
 * It says that every write of the partition in [from, through) is decided.
 * Their records stand behind the offset `after` of sluice.commits: it was
 * acknowledged when they were produced (-1: nothing was acknowledged yet).
 *
 * A rejection may also have `detail`: the message of Postgres, or of an
 * operator. Of a batch, it begins with the operation that failed
 * (common/log/operations.h).
 *
 * All rows that a batch changes have its version. Their records stand behind
 * each other, in front of one mark.
 *
 * A replay is a retry of a write that was decided before: of `first`, whose
 * outcome was `outcome` (common/log/outcome.h), and whose row has the key
 * `key`. Each of the three may be missing. Former writers put replays into
 * `rejected`, with the reason `replayed`; such marks are read, but not written.
 *
 * A mark may also have
 *   told         decimal version, as text: the database went back, and outcomes
 *                up to this version were announced before
 *                (writer/decide/announced.h)
 *   anew         true: what was announced before of the writes from `from` on
 *                no longer counts. Consumers discard what they hold of the
 *                partition and start at this mark.
 *
 * Readers ignore members that they do not know.
 *
 * sluice.ids: key the collection, value
 *   {"first":1001,"n":1000}
 * The instance takes the ids from 1001 to 2000, if no record in front of this
 * one has any of them (api/write/id_log.h). Headers: accepted-at, instance,
 * seq, as above. By the last two an instance recognises its own records.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/json/jsonslice.h"
#include "common/log/reason.h"
#include "common/log/stored_formats.h"
#include "common/log/version.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#define RECORD_MARK_KEY "_mark"
/* 9999-12-31T23:59:59.999999Z: what Postgres and RFC 3339 can write. */
#define RECORD_LATEST 253402300799999999
#define RECORD_INSTANCE_LEN 16
/* Bytes that `by` and `owner` may have; the subject of a caller has at most
 * 256.
 */
#define RECORD_TEXT_MOST 4096
/* Ids that one record may take. */
#define RECORD_IDS_MOST 16777216

enum record_op {
	RECORD_PUT,
	RECORD_DELETE,
	RECORD_PATCH,
	RECORD_INCREMENT,
	RECORD_TOUCH, /* another program has changed the row */
	RECORD_BATCH, /* several of the others, all or nothing */
};

enum record_condition {
	RECORD_ALWAYS,
	RECORD_IF_MATCH,  /* the row is there, in one of these versions */
	RECORD_IF_ABSENT, /* there is no row */
	RECORD_CREATE,	  /* likewise; it is the key that is taken */
	/* As IF_MATCH, and the time of the row has come
	 * (common/schema/expiry.h): the writer deletes it. */
	RECORD_IF_EXPIRED,
};

/* Text that may be absent: s is NULL. Borrowed; not NUL-terminated. */
struct record_text {
	const char *s;
	size_t len;
};

/* Borrowed from the message. */
struct record_write {
	enum record_op op;
	const char *id; /* collection/key, not NUL-terminated */
	size_t id_len;
	const char *body; /* "" for a delete and a touch */
	size_t body_len;
	wall_us_t accepted_at;
	char instance[RECORD_INSTANCE_LEN + 1];
	uint64_t seq;
	enum record_condition condition;
	/* Of IF_MATCH and IF_EXPIRED: `*`, or `12,13`; may be empty. */
	const char *versions;
	size_t versions_len;
	const char *idempotency_key; /* NULL: none */
	size_t idempotency_len;
	uint64_t fingerprint;
	uint64_t shape; /* 0: not said */
	struct record_text by;
	struct record_text traceparent;
	/* The row, if there is one, must have this value in this field. */
	struct record_text owner_field, owner;
};

struct record_commit {
	enum record_op op;
	const char *id;
	size_t id_len;
	const char *doc; /* NULL: the row is gone, or `omitted` */
	size_t doc_len;
	bool omitted; /* there, but too large to announce: op is PUT */
	version_t version;
	wall_us_t accepted_at;
	bool has_created;
	version_t created;
	struct record_text by;
	struct record_text owner_was;
	struct record_text traceparent;
};

/* The first write of a replay. Borrowed; `s` NULL: not there. */
struct record_first {
	bool has_position;
	struct position position;
	struct jsonslice outcome; /* a name of common/log/outcome.h */
	struct jsonslice key;
};

/* What a mark says of a write that did not take effect itself. */
struct record_verdict {
	version_t version;
	bool replayed;
	enum reason reason;	   /* of a rejection */
	struct jsonslice detail;   /* of a rejection; borrowed; may be NULL */
	struct record_first first; /* of a replay */
};

/* Borrowed from the message. */
struct record_ids {
	const char *collection; /* not NUL-terminated */
	size_t collection_len;
	int64_t first, n; /* 1 to RECORD_IDS_MOST; first + n is an int64 */
	wall_us_t accepted_at;
	char instance[RECORD_INSTANCE_LEN + 1];
	uint64_t seq;
};

struct record_mark {
	version_t from;
	version_t through;
	int64_t after;
	version_t told; /* 0: not said */
	bool anew;
	/* Owned. By version if the mark is to be announced. A parsed mark has
	 * the rejections first, then the replays. */
	struct record_verdict *verdicts;
	size_t nverdicts;
	void *text; /* owned: the verdicts of a parsed mark borrow from it */
};

/* Returns owned headers; the producer adds instance and seq. */
rd_kafka_headers_t *record_write_headers(const struct record_write *w);
/* Adds the producer's instance and the record's number in the partition. */
void record_number(rd_kafka_headers_t *h, const char *instance, uint64_t seq);
/* Does the message have a format above `known`? Then nothing else of it may be
 * read. The functions that parse writes, commits and ids say false. */
bool record_is_newer(const rd_kafka_message_t *m, enum stored_format known);
/* Neither newer, nor not a number. */
bool record_is_known(const rd_kafka_message_t *m, enum stored_format known);
/* Logs it: the caller waits, or passes the message over. */
void record_log_newer(
    const rd_kafka_message_t *m, const char *topic, enum stored_format known);
/* Is the message in the partition that its key belongs to? In another one it
 * would have no place in the order of the writes of its key. If its collection
 * is not known, each partition counts that the key may belong to. */
bool record_is_at_home(const rd_kafka_message_t *m, int32_t partitions);
/* False: not a record that Sluice writes. */
bool record_write_parse(const rd_kafka_message_t *m, struct record_write *out);

/* Does the precondition hold for the row as it is? Whether its time has come is
 * for the caller to know. */
bool record_condition_holds(
    const struct record_write *w, bool present, version_t version);

rd_kafka_headers_t *record_commit_headers(const struct record_commit *c);
rd_kafka_headers_t *record_mark_headers(const struct record_mark *mark);
bool record_is_mark(const rd_kafka_message_t *m);
/* False: not a record that Sluice writes into this partition (of `partitions`),
 * or an impossible one (VERSION_MAX has no successor). */
bool record_commit_parse(
    const rd_kafka_message_t *m, int32_t partitions, struct record_commit *out);

struct buf;
void record_mark_write(const struct record_mark *mark, struct buf *out);
/* The maximum number of bytes that a verdict takes in a mark. */
size_t record_verdict_size(const struct record_verdict *v);
/* The header `format` must be known: it is not looked at. After success, call
 * record_mark_free. False: not a mark, or an impossible
 * one: it ends before it begins, or at VERSION_MAX, or has a verdict on a write
 * that is not in it. */
bool record_mark_parse(const rd_kafka_message_t *m, struct record_mark *out);
void record_mark_free(struct record_mark *mark);

/* Can one record take this range? */
bool record_ids_fit(int64_t first, int64_t n);
/* Returns owned headers, instance and seq included. */
rd_kafka_headers_t *record_ids_headers(const struct record_ids *ids);
void record_ids_write(const struct record_ids *ids, struct buf *out);
/* False: not a record that Sluice writes, or an impossible one. */
bool record_ids_parse(const rd_kafka_message_t *m, struct record_ids *out);

const char *record_op_name(enum record_op op);
/* Does a write of this kind have a value? Not a delete, and not a touch. */
bool record_has_body(enum record_op op);
/* The collection's length in `collection/key`; 0: no slash. */
size_t record_collection_len(const char *id, size_t len);
