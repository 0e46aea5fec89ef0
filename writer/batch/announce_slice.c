#include "writer/batch/announce_slice.h"

#include "writer/commits/announce.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/schema/owner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A slice whose transaction is committed. */
struct committed {
	struct context *x;
	const struct slice *slice;
	const struct batch_plan *plan;
	size_t k;
};

/* Appends the owner that the row had before, unless the document says the same.
 */
static void owner_was(const struct committed *c, size_t i,
    const struct fold_effect *e, const struct buf *text, struct buf *out)
{
	const struct fold_change *change =
	    &plan_verdicts(c->plan, c->k)->fold.changes[i];
	const struct collection *of = change->collection;
	if (change->owner_was.s == NULL ||
	    jsonslice_kind(change->owner_was) != JSONSLICE_STRING)
		return;
	jsonslice_text(out, change->owner_was);
	if (!e->gone &&
	    owner_has(of, text->data, text->len, out->data, out->len))
		buf_clear(out);
}

/* `text` is a buffer for the document. False: another write came first. */
static bool announce_effect(const struct committed *c, struct announcement *n,
    size_t i, const struct fold_effect *e, struct buf *text)
{
	buf_clear(text);
	size_t bytes = 0;
	if (!e->gone && !plan_document(c->plan, c->k, i, text, &bytes)) {
		context_superseded(c->x,
		    (struct position){c->slice->partition, e->last->version},
		    e->last->id, e->last->id_len);
		return false;
	}
	bool omitted = bytes > (size_t)c->x->settings->common.document_max ||
		       (!e->gone && text->len == 0);
	if (omitted)
		context_omitted(c->x, e->last->id, e->last->id_len,
		    e->last->version, bytes);
	char parent[TRACE_CONTEXT_LEN + 1] = "";
	if (span_is_on(&e->last->trace))
		trace_context_format(&e->last->trace.self, parent);
	struct buf was = {0};
	owner_was(c, i, e, text, &was);
	struct record_commit r = {
	    .op = e->gone ? RECORD_DELETE : RECORD_PUT,
	    .id = e->last->id,
	    .id_len = e->last->id_len,
	    .doc = e->gone ? NULL : text->data,
	    .doc_len = text->len,
	    .omitted = omitted,
	    .version = e->last->version,
	    .accepted_at = e->last->accepted_at,
	    .has_created = e->creator != NULL,
	    .created = e->creator ? e->creator->version : 0,
	    .by = e->last->said.by,
	    .owner_was = {was.len ? was.data : NULL, was.len},
	    .traceparent = {*parent ? parent : NULL, strlen(parent)},
	};
	announce_record(n, &r);
	buf_free(&was);
	metric_add(&c->x->stats.commits, 1);
	return true;
}

static void announce_change(const struct committed *c, struct announcement *n,
    size_t i, struct buf *text)
{
	const struct verdicts *v = plan_verdicts(c->plan, c->k);
	struct fold_effect e;
	size_t at = 0;
	while (fold_next_effect(&v->fold.changes[i], &at, &e) &&
	       announce_effect(c, n, i, &e, text))
		;
}

/* A change of the fold. */
struct place {
	version_t version;
	size_t at;
};

static int by_log_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* In the order of the log. So the feed has the changes of a partition in that
 * order, the records of an atomic batch stand behind each other, and the APIs
 * append the outcomes that they keep by version. */
static void announce_changes(
    const struct committed *c, struct announcement *n, struct buf *text)
{
	const struct fold *f = &plan_verdicts(c->plan, c->k)->fold;
	struct place *order = mem_alloc((f->n + 1) * sizeof *order);
	for (size_t i = 0; i < f->n; i++)
		order[i] = (struct place){f->changes[i].version, i};
	qsort(order, f->n, sizeof *order, by_log_order);
	for (size_t i = 0; i < f->n; i++)
		announce_change(c, n, order[i].at, text);
	free(order);
}

static void say_anew(struct context *x, const struct slice *s)
{
	log_event(EV_DECIDED_ANEW,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " why=%s", s->partition,
	    s->from, s->to,
	    log_quote("a write that was announced as accepted is rejected, or "
		      "a touch is applied again"));
	metric_add(&x->stats.anew, 1);
}

void announce_slice(struct context *x, const struct slice *s,
    const struct batch_plan *plan, size_t k)
{
	const struct committed c = {x, s, plan, k};
	struct announcement *n =
	    announce_begin(x->announcer, s->partition, s->announce_as);
	const struct verdicts *v = plan_verdicts(plan, k);
	if (v->anew)
		say_anew(x, s);
	struct buf text = {0};
	announce_changes(&c, n, &text);
	buf_free(&text);
	struct record_mark mark = {
	    .from = s->from,
	    .through = s->to,
	    .told = s->told > s->to ? s->told : 0,
	    .anew = v->anew,
	    .verdicts = v->said,
	    .nverdicts = v->nsaid,
	};
	announce_mark(n, &mark);
}
