#include "writer/batch/hold.h"

#include "writer/decide/fingerprints.h"
#include "writer/rejections/orders.h"

#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct write *hold_unknown(const struct context *x, const struct write *w)
{
	if (w->unknown)
		return w;
	for (size_t i = 0; i < write_rows(w); i++) {
		const struct write *row = write_operation(w, i);
		if (row->collection && !fingerprints_known(x->shapes,
					   row->collection, row->said.shape))
			return row;
	}
	return NULL;
}

/* Of what it does not know, only the time at which Kafka took it counts. */
void hold_format(
    struct hold *h, const struct context *x, const rd_kafka_message_t *m)
{
	char at[POSITION_MAX_LEN];
	version_t version = version_make(x->epoch, m->offset);
	position_format((struct position){m->partition, version}, at);
	*h = (struct hold){.on = true,
	    .at = version,
	    .since = clock_wall() - kafka_message_age(m)};
	snprintf(h->why, sizeof h->why,
	    "%s has a format that this version does not know: start the newer "
	    "version of sluice-writer instead, or reject the write with POST "
	    "/positions/%s/reject",
	    at, at);
	record_log_newer(m, x->settings->common.writes_topic, STORED_WRITES);
}

void hold_declaration(struct hold *h, int32_t partition, const struct write *w)
{
	const char *name = w->unknown ? w->unknown : w->collection->name;
	char at[POSITION_MAX_LEN];
	position_format((struct position){partition, w->version}, at);
	*h = (struct hold){.on = true,
	    .at = w->version,
	    .since = w->accepted_at,
	    .shape = w->said.shape};
	snprintf(h->collection, sizeof h->collection, "%s", name);
	snprintf(h->why, sizeof h->why,
	    "%s (%s) was written with another declaration of %s than this "
	    "writer has: migrate that declaration and %s, or reject the "
	    "write with POST /positions/%s/reject",
	    at, write_quoted(w), name,
	    w->unknown ? "send the writer SIGHUP"
		       : "restart the writer with it",
	    at);
	log_event(EV_WRITE_NEWER,
	    "partition=%d offset=%" PRId64
	    " position=%s key=%s collection=%s shape=%016" PRIx64,
	    partition, version_offset(w->version), at, write_quoted(w), name,
	    w->said.shape);
}

static bool is_known_now(const struct hold *h, const struct context *x)
{
	const struct collection *c =
	    collection_find(h->collection, strlen(h->collection));
	return c && fingerprints_known(x->shapes, c, h->shape);
}

bool hold_is_over(
    const struct hold *h, const struct context *x, int32_t partition)
{
	return h->on &&
	       (orders_has(x->orders, partition, h->at) || is_known_now(h, x));
}
