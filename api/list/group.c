/* GET /v1/_group/{group}?collections=a,b. This module finds the collections and
 * what the caller may read of them; then the request goes on as a read
 * (api/read/read.c).
 *
 * A group lives in one partition. So what was read of it is current as of one
 * watermark, as a document is, and is kept in L1 until a commit to any key of
 * the group raises the floor of the group (api/commits/tail.c). Postgres has
 * all of an atomic batch or nothing of it, and all rows come from one snapshot.
 * So the answer never has a part of a batch.
 */
#include "api/list/group.h"

#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/offer.h"
#include "api/list/list_query.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PARAMETER "collections"

struct wanted {
	char *names; /* owned: the parameter, decoded; NULL: not given */
	size_t len;
	char parameter[OFFER_NAME]; /* that is refused */
	const char *why;	    /* NULL: none is */
	bool of[COLLECTIONS_MAX];   /* by index */
};

/* --- the query ----------------------------------------------------------- */

static bool group_take_parameter(
    void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	struct wanted *w = arg;
	offer_name(w->parameter, name);
	if (value == NULL)
		w->why = OFFER_MALFORMED;
	else if (name_len != strlen(PARAMETER) || strcmp(name, PARAMETER) != 0)
		w->why = "A group takes no parameter but " PARAMETER ".";
	else if (w->names)
		w->why = "appears twice";
	else
		w->names = mem_strndup(value, w->len = len);
	return w->why == NULL;
}

static enum step_result group_fault(struct request *r, const char *why)
{
	return offer_refuse(r, PROBLEM_INVALID_FILTER, PARAMETER, why);
}

/* --- what the caller may read -------------------------------------------- */

static bool group_may_read(struct request *r, const struct collection *c)
{
	r->target.collection = c;
	r->right = admission_right(r, VERB_read);
	return r->right != RIGHT_NONE;
}

static enum step_result group_want(
    struct request *r, struct wanted *w, const char *name, size_t len)
{
	const struct collection *c = collection_find(name, len);
	if (len == 0)
		return group_fault(
		    r, "must be names of collections, separated by commas");
	if (c == NULL)
		return admission_knows(r, VERB_docs)
			   ? answer_problem(r, PROBLEM_COLLECTION_NOT_FOUND,
				 "GET /v1 lists the collections.")
			   : admission_refuse(r);
	if (!group_may_read(r, c))
		return admission_refuse(r);
	if (!c->group)
		return group_fault(r,
		    "names a collection whose declaration does not say "
		    "\"group\": true");
	if (w->of[c->index])
		return group_fault(r, "names a collection twice");
	w->of[c->index] = true;
	return STEP_MORE;
}

static enum step_result group_want_named(struct request *r, struct wanted *w)
{
	for (size_t at = 0; at <= w->len;) {
		const char *name = w->names + at;
		const char *comma = memchr(name, ',', w->len - at);
		size_t len = comma ? (size_t)(comma - name) : w->len - at;
		if (group_want(r, w, name, len) == STEP_DONE)
			return STEP_DONE;
		at += len + 1;
	}
	return STEP_MORE;
}

static void group_want_all(struct request *r, struct wanted *w)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++)
		w->of[i] = c->group && group_may_read(r, c);
}

/* --- what is read -------------------------------------------------------- */

/* False: the caller's claim is no value of the owner's field, so nothing is
 * theirs. */
static bool group_add(struct request *r, const struct collection *c,
    struct key_group group, struct list_query **last)
{
	struct list_fault fault;
	group_may_read(r, c);
	struct list_query *q =
	    list_query_group(c, group.s, group.len, r->target.slot.partition);
	if (r->right == RIGHT_OWN && !list_query_scope(q, request_owner(r))) {
		list_query_unref(&q);
		return false;
	}
	list_query_finish(q, &fault);
	*last = q;
	return true;
}

static enum step_result group_compose(struct request *r, const struct wanted *w)
{
	const struct collection *c;
	struct list_query **last = &r->read->list;
	struct key_group group = {r->target.key, r->target.key_len};
	bool any = false;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		any = any || c->group;
		if (!w->of[i])
			continue;
		if (group_add(r, c, group, last))
			last = &(*last)->also;
		else if (w->names)
			return admission_refuse(r);
	}
	if (r->read->list)
		return STEP_MORE;
	return any ? admission_refuse(r)
		   : answer_problem(r, PROBLEM_COLLECTION_NOT_FOUND,
			 "No collection has groups.");
}

/* What was read is kept in L1 under the id of its query. The slot stays that of
 * the group. */
static void group_target(struct request *r)
{
	struct buf id = {0};
	list_query_id(&id, r->read->list);
	free(r->target.id);
	r->target.id = buf_take(&id, &r->target.id_len);
	r->target.key_len = 0;
	r->target.key = r->target.id + r->target.id_len;
	r->target.collection = r->read->list->collection;
	r->right = RIGHT_ALL; /* the query has what the caller may read */
	r->step = STEP_READ;
}

static enum step_result group_take(struct request *r, struct wanted *w)
{
	offer_each(r, group_take_parameter, w);
	if (w->why)
		return offer_refuse(
		    r, PROBLEM_INVALID_FILTER, w->parameter, w->why);
	if (!w->names)
		group_want_all(r, w);
	else if (group_want_named(r, w) == STEP_DONE)
		return STEP_DONE;
	if (group_compose(r, w) == STEP_DONE)
		return STEP_DONE;
	group_target(r);
	return STEP_MORE;
}

enum step_result group_step(struct request *r)
{
	struct wanted w = {0};
	r->read->reading = true; /* also for its refusals */
	enum step_result result = group_take(r, &w);
	free(w.names);
	return result;
}

const struct feature group_feature = {
    .first = STEP_GROUP,
    .takes_query = true,
    .joins = true,
    .enter = read_enter,
    .describe = read_describe,
    .source = read_source,
    .trace = read_trace,
    .release = read_release,
    .free = read_free,
};
