#include "writer/rejections/reject_reason.h"

#include "common/base/check.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <string.h>

static enum reason reason_of(const char *code)
{
	if (strcmp(code, "23502") == 0)
		return REASON_DATA; /* a required field is null */
	bool constraint = strncmp(code, "23", 2) == 0 ||
			  strncmp(code, "44", 2) == 0 ||
			  strncmp(code, "P0", 2) == 0;
	return constraint ? REASON_CONSTRAINT : REASON_DATA;
}

void reject_reason_write(struct write *w, int32_t partition,
    const struct err *e, const char *constraint)
{
	CHECK(e->kind == ERR_KIND_REJECT);
	log_event(EV_WRITE_REJECTED,
	    "partition=%d version=%" PRIu64 " code=%s error=%s", partition,
	    w->version, e->code, log_quote(e->msg));
	write_refuse(
	    w, reason_of(e->code), constraint[0] ? constraint : e->msg);
}
