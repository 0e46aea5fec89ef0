#include "common/log/operations.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILED "operation "

/* --- writing ------------------------------------------------------------- */

static void operations_text(
    struct buf *out, const char *name, const char *s, size_t len)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, s, len);
}

static void operations_condition(struct buf *out, const struct record_write *w)
{
	switch (w->condition) {
	case RECORD_ALWAYS:
		break;
	case RECORD_IF_MATCH:
	case RECORD_IF_EXPIRED: /* a batch has none */
		operations_text(out, "if-match", w->versions, w->versions_len);
		break;
	case RECORD_IF_ABSENT:
		operations_text(out, "if-none-match", "*", 1);
		break;
	case RECORD_CREATE:
		operations_text(out, "create", "*", 1);
		break;
	}
}

static void operations_owner(struct buf *out, const struct record_write *w)
{
	struct buf b = {0};
	if (w->owner.s == NULL)
		return;
	buf_add(&b, w->owner_field.s, w->owner_field.len);
	buf_char(&b, ':');
	buf_add(&b, w->owner.s, w->owner.len);
	operations_text(out, "owner", b.data, b.len);
	buf_free(&b);
}

void operations_add(struct buf *value, const struct record_write *w)
{
	buf_printf(value, "%c{\"op\":\"%s\"", value->len ? ',' : '[',
	    record_op_name(w->op));
	operations_text(value, "id", w->id, w->id_len);
	if (w->shape)
		buf_printf(value, ",\"shape\":\"%016" PRIx64 "\"", w->shape);
	operations_condition(value, w);
	operations_owner(value, w);
	if (w->op != RECORD_DELETE) {
		buf_str(value, ",\"document\":");
		buf_add(value, w->body, w->body_len);
	}
	buf_char(value, '}');
}

void operations_end(struct buf *value)
{
	buf_str(value, value->len ? "]" : "[]");
}

/* --- reading ------------------------------------------------------------- */

enum member {
	OP,
	ID,
	SHAPE,
	IF_MATCH,
	IF_NONE_MATCH,
	CREATE,
	OWNER,
	DOCUMENT,
	MEMBERS
};

static const char *const member_names[] = {"op", "id", "shape", "if-match",
    "if-none-match", "create", "owner", "document"};

/* Readers ignore members that they do not know. False: not an object, or a
 * text is none. */
static bool operations_members(
    struct jsonslice v, struct jsonslice out[MEMBERS])
{
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return false;
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		for (size_t i = 0; i < MEMBERS; i++) {
			const char *name = member_names[i];
			if (jsonslice_equals(m.name, name, strlen(name)))
				out[i] = m.value;
		}
	}
	for (size_t i = 0; i < DOCUMENT; i++) {
		if (out[i].s && jsonslice_kind(out[i]) != JSONSLICE_STRING)
			return false;
	}
	return out[OP].s && out[ID].s;
}

/* Its characters are kept in `texts`, which has room for all of them. */
static struct record_text operations_keep(
    struct operations *o, struct jsonslice v)
{
	size_t before = o->texts.len;
	if (v.s == NULL)
		return (struct record_text){0};
	jsonslice_text(&o->texts, v);
	return (struct record_text){
	    o->texts.data + before, o->texts.len - before};
}

static bool operations_op(struct jsonslice v, enum record_op *out)
{
	for (int op = RECORD_PUT; op <= RECORD_INCREMENT; op++) {
		const char *name = record_op_name((enum record_op)op);
		*out = (enum record_op)op;
		if (jsonslice_equals(v, name, strlen(name)))
			return true;
	}
	return false;
}

static bool operations_shape(struct record_text v, uint64_t *out)
{
	char text[17] = "", *end = text;
	if (v.s == NULL)
		return true;
	if (v.len == 16) {
		memcpy(text, v.s, 16);
		*out = strtoull(text, &end, 16);
	}
	return v.len == 16 && *end == '\0';
}

static bool operations_take_owner(struct record_text v, struct record_write *w)
{
	if (v.s == NULL)
		return true;
	const char *colon = v.len ? memchr(v.s, ':', v.len) : NULL;
	if (colon == NULL)
		return false;
	w->owner_field = (struct record_text){v.s, (size_t)(colon - v.s)};
	w->owner =
	    (struct record_text){colon + 1, v.len - w->owner_field.len - 1};
	return true;
}

static void operations_take_condition(struct operations *o,
    const struct jsonslice m[MEMBERS], struct record_write *w)
{
	if (m[IF_MATCH].s) {
		struct record_text v = operations_keep(o, m[IF_MATCH]);
		w->condition = RECORD_IF_MATCH;
		w->versions = v.s;
		w->versions_len = v.len;
	} else if (m[IF_NONE_MATCH].s) {
		w->condition = RECORD_IF_ABSENT;
	} else if (m[CREATE].s) {
		w->condition = RECORD_CREATE;
	}
}

static bool operations_read(
    struct operations *o, const struct record_write *batch, struct jsonslice v)
{
	struct jsonslice m[MEMBERS] = {{0}};
	if (o->n == OPERATIONS_MOST || !operations_members(v, m))
		return false;
	struct record_write *w = &o->all[o->n++];
	struct record_text id = operations_keep(o, m[ID]);
	*w = (struct record_write){
	    .id = id.s,
	    .id_len = id.len,
	    .body = m[DOCUMENT].s ? m[DOCUMENT].s : "",
	    .body_len = m[DOCUMENT].len,
	    .accepted_at = batch->accepted_at,
	    .seq = batch->seq,
	    .versions = "",
	    .by = batch->by,
	};
	memcpy(w->instance, batch->instance, sizeof w->instance);
	operations_take_condition(o, m, w);
	return operations_op(m[OP], &w->op) &&
	       (w->op == RECORD_DELETE) == (m[DOCUMENT].s == NULL) &&
	       operations_shape(operations_keep(o, m[SHAPE]), &w->shape) &&
	       operations_take_owner(operations_keep(o, m[OWNER]), w) &&
	       record_collection_len(w->id, w->id_len) > 0;
}

bool operations_parse(const struct record_write *batch, struct operations *out)
{
	struct jsonslice v;
	*out = (struct operations){0};
	if (!jsonslice_scan(batch->body, batch->body_len, &v) ||
	    jsonslice_kind(v) != JSONSLICE_ARRAY)
		return false;
	out->all = mem_zalloc(OPERATIONS_MOST * sizeof *out->all);
	/* A text is never longer than its JSON, so this does not move. */
	buf_reserve(&out->texts, v.len + 1);
	struct jsonslice_element e = jsonslice_elements(v);
	bool good = true;
	while (good && jsonslice_each(&e))
		good = operations_read(out, batch, e.value);
	good = good && out->n > 0;
	if (!good)
		operations_free(out);
	return good;
}

void operations_free(struct operations *o)
{
	free(o->all);
	buf_free(&o->texts);
	*o = (struct operations){0};
}

/* --- which one failed ---------------------------------------------------- */

void operations_detail(struct buf *out, size_t index, const char *detail)
{
	buf_printf(out, FAILED "%zu", index);
	if (*detail)
		buf_printf(out, ": %s", detail);
}

const char *operations_failed(const char *detail, size_t *index)
{
	char *end;
	const char *digits = detail + strlen(FAILED);
	if (strncmp(detail, FAILED, strlen(FAILED)) != 0 || *digits < '0' ||
	    *digits > '9')
		return NULL;
	*index = strtoul(digits, &end, 10);
	if (*index >= OPERATIONS_MOST)
		return NULL;
	if (*end == '\0')
		return end;
	return strncmp(end, ": ", 2) == 0 ? end + 2 : NULL;
}
