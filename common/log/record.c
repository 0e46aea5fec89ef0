#include "common/log/record.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/digits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/log/keyspace.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[] = {
    [RECORD_PUT] = "put",
    [RECORD_DELETE] = "delete",
    [RECORD_PATCH] = "patch",
    [RECORD_INCREMENT] = "increment",
    [RECORD_TOUCH] = "touch",
    [RECORD_BATCH] = "batch",
};
enum { OPS = sizeof op_names / sizeof op_names[0] };
#define CHANGED "changed"

const char *record_op_name(enum record_op op)
{
	return op_names[op];
}

bool record_has_body(enum record_op op)
{
	return op != RECORD_DELETE && op != RECORD_TOUCH;
}

size_t record_collection_len(const char *id, size_t len)
{
	const char *slash = memchr(id, '/', len);
	return slash ? (size_t)(slash - id) : 0;
}

/* --- headers ------------------------------------------------------------- */

static void add_bytes(
    rd_kafka_headers_t *h, const char *name, const char *value, size_t len)
{
	rd_kafka_resp_err_t err =
	    rd_kafka_header_add(h, name, -1, value, (ssize_t)len);
	CHECK(err == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void record_add(
    rd_kafka_headers_t *h, const char *name, const char *value)
{
	add_bytes(h, name, value, strlen(value));
}

static void record_add_number(
    rd_kafka_headers_t *h, const char *name, uint64_t v)
{
	char text[DIGITS_DECIMAL], *end = text + sizeof text;
	char *at = digits_decimal(end, v);
	add_bytes(h, name, at, (size_t)(end - at));
}

static void record_add_hex(rd_kafka_headers_t *h, const char *name, uint64_t v)
{
	char hex[DIGITS_HEX];
	digits_hex(hex, v);
	add_bytes(h, name, hex, sizeof hex);
}

struct header {
	const char *value;
	size_t len;
};

/* The last header of that name; value NULL when absent. */
static struct header record_get(const rd_kafka_headers_t *h, const char *name)
{
	const void *value = NULL;
	size_t len = 0;
	if (h == NULL || rd_kafka_header_get_last(h, name, &value, &len) !=
			     RD_KAFKA_RESP_ERR_NO_ERROR)
		return (struct header){0};
	return (struct header){value, len};
}

static bool get_number(
    const rd_kafka_headers_t *h, const char *name, uint64_t *out)
{
	struct header v = record_get(h, name);
	return v.value && version_parse(v.value, v.len, out);
}

static bool get_op(const rd_kafka_headers_t *h, enum record_op *out)
{
	struct header v = record_get(h, "op");
	for (int i = 0; v.value && i < OPS; i++) {
		if (strlen(op_names[i]) != v.len ||
		    memcmp(op_names[i], v.value, v.len) != 0)
			continue;
		*out = (enum record_op)i;
		return true;
	}
	return false;
}

static bool get_instance(
    const rd_kafka_headers_t *h, char out[RECORD_INSTANCE_LEN + 1])
{
	struct header v = record_get(h, "instance");
	if (v.len != RECORD_INSTANCE_LEN)
		return false;
	memcpy(out, v.value, RECORD_INSTANCE_LEN);
	out[RECORD_INSTANCE_LEN] = '\0';
	return strspn(out, "0123456789abcdef") == RECORD_INSTANCE_LEN;
}

static bool get_headers(const rd_kafka_message_t *m, rd_kafka_headers_t **out)
{
	*out = NULL;
	rd_kafka_resp_err_t err = rd_kafka_message_headers(m, out);
	return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void add_format(rd_kafka_headers_t *h, unsigned format)
{
	record_add_number(h, "format", format);
}

/* UINT64_MAX: not a number. */
static uint64_t format_of(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *h;
	uint64_t format = 1;
	if (get_headers(m, &h) && record_get(h, "format").value &&
	    !get_number(h, "format", &format))
		return UINT64_MAX;
	return format;
}

bool record_is_newer(const rd_kafka_message_t *m, enum stored_format known)
{
	uint64_t format = format_of(m);
	return format > known && format != UINT64_MAX;
}

bool record_is_known(const rd_kafka_message_t *m, enum stored_format known)
{
	return format_of(m) <= known;
}

void record_log_newer(
    const rd_kafka_message_t *m, const char *topic, enum stored_format known)
{
	log_event(EV_RECORD_NEWER,
	    "topic=%s partition=%d offset=%" PRId64 " format=%" PRIu64
	    " known=%d",
	    topic, m->partition, m->offset, format_of(m), (int)known);
}

bool record_is_at_home(const rd_kafka_message_t *m, int32_t partitions)
{
	return m->key &&
	       keyspace_is_home(m->key, m->key_len, m->partition, partitions);
}

static struct record_text get_text(
    const rd_kafka_headers_t *h, const char *name)
{
	struct header v = record_get(h, name);
	return (struct record_text){v.value, v.len};
}

static void record_add_text(
    rd_kafka_headers_t *h, const char *name, struct record_text v)
{
	if (v.s)
		add_bytes(h, name, v.s, v.len);
}

/* --- writes -------------------------------------------------------------- */

/* Of before are: puts, deletes, patches and increments, without an owner. */
static unsigned format_of_write(const struct record_write *w)
{
	bool first = w->op != RECORD_TOUCH && w->op != RECORD_BATCH &&
		     w->condition != RECORD_IF_EXPIRED && w->owner.s == NULL;
	return first ? 1 : 2;
}

/* A field's name has no colon. */
static void add_owner(rd_kafka_headers_t *h, const struct record_write *w)
{
	struct buf b = {0};
	buf_add(&b, w->owner_field.s, w->owner_field.len);
	buf_char(&b, ':');
	buf_add(&b, w->owner.s, w->owner.len);
	add_bytes(h, "owner", b.data, b.len);
	buf_free(&b);
}

static bool get_owner(const rd_kafka_headers_t *h, struct record_write *out)
{
	struct record_text v = get_text(h, "owner");
	if (v.s == NULL)
		return true;
	const char *colon = memchr(v.s, ':', v.len);
	if (colon == NULL)
		return false;
	out->owner_field = (struct record_text){v.s, (size_t)(colon - v.s)};
	out->owner =
	    (struct record_text){colon + 1, v.len - out->owner_field.len - 1};
	return true;
}

rd_kafka_headers_t *record_write_headers(const struct record_write *w)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(8);
	add_format(h, format_of_write(w));
	record_add(h, "op", op_names[w->op]);
	record_add_number(h, "accepted-at", (uint64_t)w->accepted_at);
	if (w->condition == RECORD_IF_MATCH ||
	    w->condition == RECORD_IF_EXPIRED)
		add_bytes(h, "if-match", w->versions, w->versions_len);
	if (w->condition == RECORD_IF_EXPIRED)
		record_add(h, "expired", "*");
	if (w->condition == RECORD_IF_ABSENT)
		record_add(h, "if-none-match", "*");
	if (w->condition == RECORD_CREATE)
		record_add(h, "create", "*");
	if (w->shape)
		record_add_hex(h, "shape", w->shape);
	if (w->idempotency_key) {
		add_bytes(h, "idempotency-key", w->idempotency_key,
		    w->idempotency_len);
		record_add_hex(h, "fingerprint", w->fingerprint);
	}
	record_add_text(h, "traceparent", w->traceparent);
	record_add_text(h, "by", w->by);
	if (w->owner.s)
		add_owner(h, w);
	return h;
}

void record_number(rd_kafka_headers_t *h, const char *instance, uint64_t seq)
{
	record_add(h, "instance", instance);
	record_add_number(h, "seq", seq);
}

static void get_condition(const rd_kafka_headers_t *h, struct record_write *out)
{
	struct header match = record_get(h, "if-match");
	if (match.value) {
		out->condition = record_get(h, "expired").value
				     ? RECORD_IF_EXPIRED
				     : RECORD_IF_MATCH;
		out->versions = match.value;
		out->versions_len = match.len;
	} else if (record_get(h, "if-none-match").value) {
		out->condition = RECORD_IF_ABSENT;
	} else if (record_get(h, "create").value) {
		out->condition = RECORD_CREATE;
	}
}

static bool get_hex(
    const rd_kafka_headers_t *h, const char *name, uint64_t *out)
{
	struct header v = record_get(h, name);
	char text[17] = "";
	if (v.len != 16)
		return false;
	memcpy(text, v.value, 16);
	char *end;
	*out = strtoull(text, &end, 16);
	return *end == '\0';
}

/* Sluice never writes a key without a fingerprint. */
static bool get_idempotency(
    const rd_kafka_headers_t *h, struct record_write *out)
{
	struct header key = record_get(h, "idempotency-key");
	if (key.value == NULL)
		return true;
	out->idempotency_key = key.value;
	out->idempotency_len = key.len;
	return key.len > 0 && get_hex(h, "fingerprint", &out->fingerprint);
}

bool record_condition_holds(
    const struct record_write *w, bool present, version_t version)
{
	if (w->condition == RECORD_ALWAYS)
		return true;
	if (w->condition == RECORD_IF_ABSENT || w->condition == RECORD_CREATE)
		return !present;
	if (!present)
		return false;
	const char *s = w->versions, *end = s + w->versions_len;
	while (s < end) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t len = (size_t)((comma ? comma : end) - s);
		version_t v;
		if ((len == 1 && *s == '*') ||
		    (version_parse(s, len, &v) && v == version))
			return true;
		s += len + 1;
	}
	return false;
}

bool record_write_parse(const rd_kafka_message_t *m, struct record_write *out)
{
	rd_kafka_headers_t *h;
	uint64_t at;
	*out = (struct record_write){
	    .id = m->key,
	    .id_len = m->key_len,
	    .body = m->payload ? m->payload : "",
	    .body_len = m->len,
	};
	if (m->key == NULL || !record_is_known(m, STORED_WRITES) ||
	    !get_headers(m, &h) || !get_op(h, &out->op) ||
	    !get_number(h, "accepted-at", &at) ||
	    !get_number(h, "seq", &out->seq))
		return false;
	if (!get_instance(h, out->instance) || !get_idempotency(h, out))
		return false;
	if (record_get(h, "shape").value && !get_hex(h, "shape", &out->shape))
		return false;
	if (!get_owner(h, out))
		return false;
	out->by = get_text(h, "by");
	out->traceparent = get_text(h, "traceparent");
	get_condition(h, out);
	out->accepted_at = (wall_us_t)at;
	return record_collection_len(out->id, out->id_len) > 0;
}

/* --- commits ------------------------------------------------------------- */

rd_kafka_headers_t *record_commit_headers(const struct record_commit *c)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(5);
	add_format(h, 1);
	record_add_number(h, "version", c->version);
	record_add(h, "op", c->omitted ? CHANGED : op_names[c->op]);
	record_add_number(h, "accepted-at", (uint64_t)c->accepted_at);
	if (c->has_created)
		record_add_number(h, "created", c->created);
	record_add_text(h, "by", c->by);
	record_add_text(h, "owner-was", c->owner_was);
	record_add_text(h, "traceparent", c->traceparent);
	return h;
}

/* Of before a replay was a rejection. */
rd_kafka_headers_t *record_mark_headers(const struct record_mark *mark)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(1);
	size_t i = 0;
	while (i < mark->nverdicts && !mark->verdicts[i].replayed)
		i++;
	add_format(h, i < mark->nverdicts ? 2 : 1);
	return h;
}

bool record_is_mark(const rd_kafka_message_t *m)
{
	return m->key && m->key_len == strlen(RECORD_MARK_KEY) &&
	       memcmp(m->key, RECORD_MARK_KEY, m->key_len) == 0;
}

static bool get_commit_op(
    const rd_kafka_headers_t *h, struct record_commit *out)
{
	struct header v = record_get(h, "op");
	out->omitted =
	    v.len == strlen(CHANGED) && memcmp(v.value, CHANGED, v.len) == 0;
	if (out->omitted) {
		out->op = RECORD_PUT;
		out->doc = NULL;
		out->doc_len = 0;
		return true;
	}
	return get_op(h, &out->op) &&
	       (out->op == RECORD_PUT) == (out->doc != NULL) &&
	       (out->op == RECORD_PUT || out->op == RECORD_DELETE);
}

/* The version of a write has a successor. */
static bool get_versions(const rd_kafka_headers_t *h, struct record_commit *out)
{
	if (!get_number(h, "version", &out->version) ||
	    out->version >= VERSION_MAX)
		return false;
	out->has_created = get_number(h, "created", &out->created);
	return !out->has_created || out->created <= out->version;
}

bool record_commit_parse(
    const rd_kafka_message_t *m, int32_t partitions, struct record_commit *out)
{
	rd_kafka_headers_t *h;
	uint64_t at;
	*out = (struct record_commit){
	    .id = m->key,
	    .id_len = m->key_len,
	    .doc = m->payload,
	    .doc_len = m->len,
	};
	if (m->key == NULL || !record_is_known(m, STORED_COMMITS) ||
	    !get_headers(m, &h) || !get_commit_op(h, out) ||
	    !get_number(h, "accepted-at", &at) || !get_versions(h, out))
		return false;
	out->accepted_at = (wall_us_t)at;
	out->by = get_text(h, "by");
	out->owner_was = get_text(h, "owner-was");
	out->traceparent = get_text(h, "traceparent");
	return at <= RECORD_LATEST &&
	       record_collection_len(out->id, out->id_len) > 0 &&
	       record_is_at_home(m, partitions);
}

/* --- ids ----------------------------------------------------------------- */

bool record_ids_fit(int64_t first, int64_t n)
{
	return n >= 1 && n <= RECORD_IDS_MOST && first <= INT64_MAX - n;
}

rd_kafka_headers_t *record_ids_headers(const struct record_ids *ids)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(4);
	add_format(h, 1);
	record_add_number(h, "accepted-at", (uint64_t)ids->accepted_at);
	record_number(h, ids->instance, ids->seq);
	return h;
}

void record_ids_write(const struct record_ids *ids, struct buf *out)
{
	buf_printf(out, "{\"first\":%" PRId64 ",\"n\":%" PRId64 "}", ids->first,
	    ids->n);
}

static bool get_range(const rd_kafka_message_t *m, struct record_ids *out)
{
	enum { LONGEST = 256 };
	bool any = m->payload && m->len <= LONGEST;
	json_t *doc = any ? json_loadb(m->payload, m->len, 0, NULL) : NULL;
	const json_t *first = json_object_get(doc, "first");
	const json_t *n = json_object_get(doc, "n");
	bool ok = json_is_integer(first) && json_is_integer(n);
	out->first = json_integer_value(first);
	out->n = json_integer_value(n);
	json_decref(doc);
	return ok && record_ids_fit(out->first, out->n);
}

bool record_ids_parse(const rd_kafka_message_t *m, struct record_ids *out)
{
	rd_kafka_headers_t *h;
	uint64_t at;
	*out = (struct record_ids){
	    .collection = m->key, .collection_len = m->key_len};
	if (m->key == NULL || m->key_len == 0 ||
	    !record_is_known(m, STORED_IDS) || !get_headers(m, &h) ||
	    !get_number(h, "accepted-at", &at) || at > RECORD_LATEST ||
	    !get_number(h, "seq", &out->seq) || !get_instance(h, out->instance))
		return false;
	out->accepted_at = (wall_us_t)at;
	return get_range(m, out);
}
