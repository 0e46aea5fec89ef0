/* GET of a document: L1, then a lookup that may be shared, then the answer. */
#pragma once

#include "api/core/route.h"

extern const struct feature read_feature;

/* For every request that reads: the functions of struct feature with these
 * names. `enter` and `free` may be called twice. */
void read_enter(struct request *r);
void read_describe(const struct request *r, struct MHD_Response *response);
const char *read_source(const struct request *r, struct buf *stages);
void read_trace(const struct request *r, struct span *s);
bool read_release(struct request *r);
void read_free(struct request *r);
