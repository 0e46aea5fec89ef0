/* One write of the log, as the writer holds it from the log to the verdict.
 *
 * What it points to lives in Kafka's message: bodies are never copied before
 * they are spliced into a statement's parameter.
 */
#pragma once

#include "common/collection.h"
#include "common/reason.h"
#include "common/record.h"
#include "common/version.h"

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
	const char *body;
	size_t body_len;
	wall_us_t accepted_at;
	mono_us_t arrived; /* at this process */
	/* Decided against before Postgres sees it, or by Postgres. */
	enum reason refused;
	char *detail; /* owned, may be NULL */
};

/* Takes the message. Never fails: what cannot be applied comes out refused. */
void write_read(struct write *w, rd_kafka_message_t *m, uint32_t epoch);
/* Why Postgres refused it. */
void write_refuse(struct write *w, enum reason reason, const char *detail);
void write_clear(struct write *w);

/* Could these bytes be one JSON object, and nothing around it? Brackets and
 * quotes are followed, so that what passes cannot break out of the array that
 * it is spliced into; the rest is Postgres's to judge. */
bool write_is_object(const char *body, size_t len);
/* Does Postgres take it as text? UTF-8 without NUL. */
bool write_is_text(const char *s, size_t len);
