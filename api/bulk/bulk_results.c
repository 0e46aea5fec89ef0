#include "api/bulk/bulk_results.h"

#include "common/base/check.h"
#include "common/base/digits.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

size_t bulk_results_add(struct bulk_results *r)
{
	MEM_GROW(r->items, r->cap, r->n);
	r->items[r->n] =
	    (struct result){.partition = -1, .kind = RESULT_PENDING};
	return r->n++;
}

void bulk_results_drop(struct bulk_results *r)
{
	CHECK(r->n > 0);
	r->n--;
}

void bulk_results_free(struct bulk_results *r)
{
	free(r->items);
	buf_free(&r->texts);
	*r = (struct bulk_results){0};
}

size_t bulk_results_memory(const struct bulk_results *r)
{
	return r->cap * sizeof *r->items + r->texts.cap;
}

static struct result *bulk_results_at(struct bulk_results *r, size_t i)
{
	CHECK(i < r->n);
	return &r->items[i];
}

/* Appends to `texts`. Never returns offset 0, which means none. */
static uint32_t bulk_results_keep(
    struct bulk_results *r, const char *text, size_t len)
{
	if (r->texts.len == 0)
		buf_char(&r->texts, '\0');
	size_t offset = r->texts.len;
	CHECK(offset <= UINT32_MAX);
	buf_add(&r->texts, text, len);
	buf_char(&r->texts, '\0');
	return (uint32_t)offset;
}

void bulk_results_key(
    struct bulk_results *r, size_t i, const char *key, size_t len)
{
	bulk_results_at(r, i)->key = bulk_results_keep(r, key, len);
}

void bulk_results_accepted(
    struct bulk_results *r, size_t i, const struct position *p)
{
	struct result *x = bulk_results_at(r, i);
	x->kind = RESULT_ACCEPTED;
	if (p) {
		x->partition = p->partition;
		x->version = p->version;
	}
}

void bulk_results_problem(struct bulk_results *r, size_t i, enum problem p,
    const struct violations *v)
{
	struct result *x = bulk_results_at(r, i);
	x->kind = RESULT_PROBLEM;
	x->detail = (uint8_t)p;
	if (v == NULL || r->errors >= BULK_RESULTS_ERRORS)
		return;
	struct buf text = {0};
	problem_errors(&text, v);
	x->errors = bulk_results_keep(r, text.data ? text.data : "", text.len);
	r->errors += text.len;
	buf_free(&text);
}

void bulk_results_settled(struct bulk_results *r, size_t i, struct outcome o)
{
	struct result *x = bulk_results_at(r, i);
	CHECK(x->kind == RESULT_ACCEPTED);
	switch (o.kind) {
	case OUTCOME_UNKNOWN:
		UNREACHABLE("an unknown outcome settles nothing");
	case OUTCOME_APPLIED:
	case OUTCOME_REPLACED:
	case OUTCOME_DELETED:
		x->kind = RESULT_APPLIED;
		break;
	case OUTCOME_CREATED:
		x->kind = RESULT_CREATED;
		break;
	case OUTCOME_REJECTED:
		x->kind = r->skips && o.reason == REASON_KEY_EXISTS
			      ? RESULT_SKIPPED
			      : RESULT_REJECTED;
		x->detail = (uint8_t)o.reason;
		break;
	}
}

void bulk_results_replayed(struct bulk_results *r, size_t i, const char *key)
{
	bulk_results_at(r, i)->replayed = true;
	if (*key)
		bulk_results_key(r, i, key, strlen(key));
}

bool bulk_results_open(const struct bulk_results *r, size_t i)
{
	const struct result *x = &r->items[i];
	return x->kind == RESULT_ACCEPTED && x->partition >= 0;
}

/* --- words --------------------------------------------------------------- */

static unsigned bulk_results_status_of(const struct result *x)
{
	switch ((enum result_kind)x->kind) {
	case RESULT_PENDING:
		UNREACHABLE("an item without a result");
	case RESULT_ACCEPTED:
		return 202;
	case RESULT_APPLIED:
	case RESULT_SKIPPED:
		return 200;
	case RESULT_CREATED:
		return 201;
	case RESULT_REJECTED:
		return reason_row((enum reason)x->detail)->status;
	case RESULT_PROBLEM:
		return problem_status((enum problem)x->detail);
	}
	UNREACHABLE("kind of a result");
}

static const char *bulk_results_type_of(const struct result *x)
{
	if (x->kind == RESULT_REJECTED)
		return reason_row((enum reason)x->detail)->problem;
	if (x->kind == RESULT_PROBLEM)
		return problem_type((enum problem)x->detail);
	return NULL;
}

static void add_number(struct buf *out, uint64_t n)
{
	char text[DIGITS_DECIMAL], *end = text + sizeof text;
	const char *at = digits_decimal(end, n);
	buf_add(out, at, (size_t)(end - at));
}

static void write_one(
    const struct bulk_results *r, size_t i, bool index, struct buf *out)
{
	const struct result *x = &r->items[i];
	const char *texts = r->texts.data;
	buf_char(out, '{');
	if (index) {
		buf_str(out, "\"index\":");
		add_number(out, i);
		buf_char(out, ',');
	}
	if (x->key) {
		buf_str(out, "\"key\":");
		buf_json(out, texts + x->key, strlen(texts + x->key));
		buf_char(out, ',');
	}
	if (x->partition >= 0) {
		char position[POSITION_MAX_LEN];
		position_format(
		    (struct position){x->partition, x->version}, position);
		buf_str(out, "\"position\":\"");
		buf_str(out, position);
		buf_str(out, "\",");
	}
	buf_str(out, "\"status\":");
	add_number(out, bulk_results_status_of(x));
	if (x->kind == RESULT_SKIPPED)
		buf_str(out, ",\"skipped\":true");
	if (x->replayed)
		buf_str(out, ",\"replayed\":true");
	if (bulk_results_type_of(x))
		buf_printf(out, ",\"type\":\"" PROBLEM_PREFIX "%s\"",
		    bulk_results_type_of(x));
	if (x->errors)
		buf_str(out, texts + x->errors);
	buf_char(out, '}');
}

void bulk_results_write(const struct bulk_results *r,
    struct bulk_results_words words, struct buf *out)
{
	bool array = words.form == BULK_RESULTS_ARRAY;
	unsigned last_good = words.waited ? 201 : 202;
	bool first = true;
	buf_str(out, array ? "[" : "");
	for (size_t i = 0; i < r->n; i++) {
		if (words.minimal &&
		    bulk_results_status_of(&r->items[i]) <= last_good)
			continue;
		buf_str(out, !array ? "" : first ? "\n" : ",\n");
		first = false;
		write_one(r, i, words.minimal, out);
		buf_str(out, array ? "" : "\n");
	}
	buf_str(out, !array ? "" : first ? "]\n" : "\n]\n");
}

void bulk_results_positions(
    const struct bulk_results *r, int32_t partitions, struct buf *out)
{
	version_t *newest = mem_zalloc((size_t)partitions * sizeof *newest);
	bool *any = mem_zalloc((size_t)partitions * sizeof *any);
	for (size_t i = 0; i < r->n; i++) {
		const struct result *x = &r->items[i];
		if (x->partition < 0)
			continue;
		CHECK(x->partition < partitions);
		any[x->partition] = true;
		if (x->version > newest[x->partition])
			newest[x->partition] = x->version;
	}
	for (int32_t p = 0; p < partitions; p++) {
		char position[POSITION_MAX_LEN];
		if (!any[p])
			continue;
		position_format((struct position){p, newest[p]}, position);
		buf_printf(out, "%s%s", out->len ? ", " : "", position);
	}
	free(any);
	free(newest);
}

bool bulk_results_have(const struct bulk_results *r, unsigned status)
{
	for (size_t i = 0; i < r->n; i++) {
		if (bulk_results_status_of(&r->items[i]) == status)
			return true;
	}
	return false;
}
