/* One write of the log, as the writer holds it from the log to the verdict.
 *
 * Its pointers point into Kafka's message: a body is copied only once, into the
 * parameter of a statement.
 */
#pragma once

#include "common/base/buf.h"
#include "common/log/reason.h"
#include "common/log/record.h"
#include "common/log/version.h"
#include "common/schema/collection.h"
#include "common/trace/span.h"
#include "writer/decide/announced.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct write {
	rd_kafka_message_t *message; /* owned */
	version_t version;
	enum record_op op;
	bool has_op; /* false: the record does not name its operation */
	const char *id;
	size_t id_len;
	const struct collection *collection; /* NULL only if refused */
	/* Refused, but an API has made it, or an operation of it, for this
	 * collection, which the writer does not have; said.shape is the shape.
	 * Owned; NULL: no. */
	char *unknown;
	const char *key; /* the part of the id behind the slash */
	size_t key_len;
	const char
	    *body; /* if not refused: one object, without blanks around */
	size_t body_len;
	char *renamed; /* owned: the body, if fields had former names in it */
	size_t size;   /* at least body_len: its size as a row's document */
	wall_us_t accepted_at;
	mono_us_t arrived; /* at this process */
	/* The headers of the record, if has_op: the producer's number, the
	 * precondition, the idempotency key. */
	struct record_write said;
	/* Rejected, before Postgres sees it or by Postgres. */
	enum reason refused;
	char *detail; /* owned, may be NULL */
	/* The operations of an atomic batch, in order: writes with its version,
	 * without a message. Owned; NULL: not a batch, or a malformed one. */
	struct write *operations;
	size_t noperations;
	struct buf texts; /* the operations borrow from it */
	bool part;	  /* it is an operation of a batch */
	/* From its arrival on; none: it is not traced. Operations have the span
	 * of their batch. */
	struct span_start trace;
	/* The outcome that was announced before the database went back. */
	enum announced_as announced;
	struct record_first first; /* of an announced replay; owned */
};

/* What must be known to read a write. */
struct write_log {
	uint32_t epoch;
	int32_t partitions;
	size_t document_max; /* bytes of the row's document */
	/* A writer with other settings and declarations may have applied these
	 * writes. So only what no writer can apply is refused. */
	bool applied;
};

struct common_settings;
struct write_log write_log_of(uint32_t epoch, const struct common_settings *s);

/* Takes the message. Never fails: a write that cannot be applied is refused. */
void write_read(
    struct write *w, rd_kafka_message_t *m, const struct write_log *log);
/* Postgres refused the write for this reason. */
void write_refuse(struct write *w, enum reason reason, const char *detail);
/* The same for an operation of a batch: all of the batch is refused. */
void write_refuse_operation(
    struct write *w, size_t operation, enum reason reason, const char *detail);
/* How many rows it may change: 1, or one for each operation of a batch. The
 * i-th of these writes is returned by write_operation. */
size_t write_rows(const struct write *w);
const struct write *write_operation(const struct write *w, size_t i);
/* Is one of the n writes an atomic batch? */
bool write_any_atomic(const struct write *writes, size_t n);
/* Sets the announced outcome. `v`: of a rejection or a replay; borrows it. */
void write_told(
    struct write *w, enum announced_as as, const struct record_verdict *v);
/* It is traced from now on. */
void write_traced(struct write *w, const struct span_start *s);
void write_clear(struct write *w);
/* Its collection and key in quotes, for people. Valid for three more calls of
 * log_quote; one thread at a time. */
const char *write_quoted(const struct write *w);

/* The field whose value is the owner of the row: the one that the write names,
 * or else the declared one. NULL: rows have no owner. */
const struct field *write_owner_field(const struct write *w);
/* Is its effect independent of the row, and of earlier requests? Not if rows
 * have owners: a commit says whose row it was. Not if rows expire: such a row
 * may count as absent. The delete of a batch is not,
 * because it may reject the batch. Must not be called for a batch. */
bool write_is_plain(const struct write *w);
/* Does Postgres accept it as text? It must be UTF-8 without NUL. */
bool write_is_text(const char *s, size_t len);
