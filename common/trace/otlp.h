/* OTLP 1.x over HTTP, in JSON: the request that exports spans, and what the
 * answer means (pure core).
 */
#pragma once

#include "common/trace/span.h"

/* Who the spans are of. */
struct otlp_resource {
	const char *service;  /* service.name */
	const char *version;  /* service.version */
	const char *instance; /* service.instance.id */
	const char *host;     /* host.name */
};

/* Appends an ExportTraceServiceRequest. */
void otlp_request(struct buf *out, const struct otlp_resource *r,
    struct span *const *spans, size_t n);

enum otlp_verdict {
	OTLP_TAKEN,
	OTLP_AGAIN,   /* send the same again, later */
	OTLP_REFUSED, /* never send it again */
};

enum otlp_verdict otlp_judge(int status);
/* How many spans an answer of OTLP_TAKEN says that the collector rejected, at
 * most `n`; it may have nothing to say about it. Appends the collector's reason
 * to `why`. */
size_t otlp_rejected(const struct buf *answer, size_t n, struct buf *why);
