/* What the ways into the log share: one document (api/write/write.c), and many
 * at once (api/bulk/bulk.c). */
#pragma once

#include "api/core/problem.h"
#include "api/core/route.h"

extern const struct feature write_feature;

/* Of any request that writes one document: as feature.release, feature.free. */
bool write_release(struct request *r);
void write_free(struct request *r);

struct write_refusal {
	enum problem problem;
	const char *detail; /* NULL: the problem's own words */
	unsigned retry_s;
};

/* Can nothing be appended for the collection now? Counts what it sheds. */
bool write_refused(const struct worker *w, const struct collection *c,
    struct write_refusal *out);
