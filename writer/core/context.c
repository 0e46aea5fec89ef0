#include "writer/core/context.h"

#include "common/base/log.h"

#include <inttypes.h>

enum { ID_MAX = COLLECTION_KEY_MAX + 1 };

static void copy_id(const struct write *w, char out[static ID_MAX])
{
	snprintf(out, ID_MAX, "%.*s", (int)w->id_len, w->id);
}

void context_omitted(struct context *x, const struct write *w, size_t bytes)
{
	char id[ID_MAX];
	metric_add(&x->stats.omitted, 1);
	copy_id(w, id);
	log_event(EV_DOCUMENT_OMITTED, "key=%s version=%" PRIu64 " bytes=%zu",
	    log_quote(id), w->version, bytes);
}

void context_superseded(
    struct context *x, int32_t partition, const struct write *w)
{
	char id[ID_MAX];
	metric_add(&x->stats.superseded, 1);
	copy_id(w, id);
	log_event(EV_WRITE_SUPERSEDED,
	    "partition=%d version=%" PRIu64 " key=%s", partition, w->version,
	    log_quote(id));
}
