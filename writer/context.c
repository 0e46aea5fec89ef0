#include "writer/context.h"

#include "common/log.h"

#include <inttypes.h>

void context_untold(struct context *x, const struct write *w, size_t bytes)
{
	char id[COLLECTION_KEY_MAX + 1];
	metric_add(&x->stats.untold, 1);
	snprintf(id, sizeof id, "%.*s", (int)w->id_len, w->id);
	log_event(EV_WRITE_UNTOLD, "key=%s version=%" PRIu64 " bytes=%zu",
	    log_quote(id), w->version, bytes);
}
