/* One write of the log, as the writer holds it from the log to the verdict.
 *
 * What it points to lives in Kafka's message: bodies are never copied before
 * they are spliced into a statement's parameter.
 */
#pragma once

#include "common/log/reason.h"
#include "common/log/record.h"
#include "common/log/version.h"
#include "common/schema/collection.h"
#include "writer/decide/announced.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct write {
	rd_kafka_message_t *message; /* owned */
	version_t version;
	enum record_op op;
	bool has_op; /* false: the record does not say what it is */
	const char *id;
	size_t id_len;
	const struct collection *collection; /* NULL in a refused one only */
	const char *key; /* the part of the id behind the slash */
	size_t key_len;
	const char *body; /* of a write not refused: one object, bare */
	size_t body_len;
	size_t size; /* at least body_len: what it may become in its row */
	wall_us_t accepted_at;
	mono_us_t arrived; /* at this process */
	/* As the record says it, where it says what it is: the producer's
	 * number, the precondition, the idempotency key. */
	struct record_write said;
	/* Decided against before Postgres sees it, or by Postgres. */
	enum reason refused;
	char *detail; /* owned, may be NULL */
	/* What was told of it before the database went back. */
	enum announced_as announced;
	struct record_why first; /* of a replay that was told; owned */
};

/* What must be known to read it. */
struct write_log {
	uint32_t epoch;
	int32_t partitions;
	size_t document_max; /* bytes of the row's document */
	/* What is read may have been applied, by a writer with other settings
	 * and declarations: only what no writer can apply is refused. */
	bool applied;
};

struct common_settings;
struct write_log write_log_of(uint32_t epoch, const struct common_settings *s);

/* Takes the message. Never fails: what cannot be applied comes out refused. */
void write_read(
    struct write *w, rd_kafka_message_t *m, const struct write_log *log);
/* Why Postgres refused it. */
void write_refuse(struct write *w, enum reason reason, const char *detail);
/* What was told of its outcome. `r`: of a rejection; borrows it. */
void write_told(
    struct write *w, enum announced_as as, const struct record_rejection *r);
void write_clear(struct write *w);

/* It does the same whatever the row is, and whoever sent it. */
bool write_is_plain(const struct write *w);
/* Does Postgres take it as text? UTF-8 without NUL. */
bool write_is_text(const char *s, size_t len);
