#include "writer/core/context.h"

#include "common/base/log.h"
#include "common/schema/collection.h"

#include <inttypes.h>
#include <stdio.h>

enum { ID_MAX = COLLECTION_KEY_MAX + 1 };

static void copy_id(const char *id, size_t len, char out[static ID_MAX])
{
	snprintf(out, ID_MAX, "%.*s", (int)len, id);
}

void context_omitted(struct context *x, const char *id, size_t id_len,
    version_t version, size_t bytes)
{
	char text[ID_MAX];
	metric_add(&x->stats.omitted, 1);
	copy_id(id, id_len, text);
	log_event(EV_DOCUMENT_OMITTED, "key=%s version=%" PRIu64 " bytes=%zu",
	    log_quote(text), version, bytes);
}

void context_superseded(
    struct context *x, struct position at, const char *id, size_t id_len)
{
	char text[ID_MAX];
	metric_add(&x->stats.superseded, 1);
	copy_id(id, id_len, text);
	log_event(EV_WRITE_SUPERSEDED,
	    "partition=%d version=%" PRIu64 " key=%s", at.partition, at.version,
	    log_quote(text));
}
