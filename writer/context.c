#include "writer/context.h"

#include "common/log.h"

#include <inttypes.h>

void context_untold(struct context *x, const struct write *w, size_t bytes)
{
	uint64_t untold;
	char id[COLLECTION_KEY_MAX + 1];
	metric_add(&x->stats.untold, 1);
	if (!seldom_tells(&x->untold, clock_mono(), &untold))
		return;
	snprintf(id, sizeof id, "%.*s", (int)w->id_len, w->id);
	log_event(EV_WRITE_UNTOLD,
	    "key=%s version=%" PRIu64 " bytes=%zu untold=%" PRIu64,
	    log_quote(id), w->version, bytes, untold);
}
