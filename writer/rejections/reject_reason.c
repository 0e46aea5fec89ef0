#include "writer/rejections/reject_reason.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/log/operations.h"

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

static void log_rejected(
    const struct write *w, int32_t partition, const struct err *e)
{
	CHECK(e->kind == ERR_KIND_REJECT);
	log_event(EV_WRITE_REJECTED,
	    "partition=%d version=%" PRIu64 " code=%s error=%s", partition,
	    w->version, e->code, log_quote(e->msg));
}

void reject_reason_write(struct write *w, int32_t partition,
    const struct err *e, const char *constraint)
{
	size_t index;
	struct buf text = {0};
	const char *detail = constraint[0] ? constraint : e->msg;
	log_rejected(w, partition, e);
	/* A trigger may say anything. A blank tells its words from those about
	 * an operation of a batch. */
	buf_str(&text, operations_failed(detail, &index) ? " " : "");
	buf_str(&text, detail);
	write_refuse(w, reason_of(e->code), text.data);
	buf_free(&text);
}

void reject_reason_operation(struct write *w, size_t operation,
    int32_t partition, const struct err *e, const char *constraint)
{
	log_rejected(w, partition, e);
	write_refuse_operation(w, operation, reason_of(e->code),
	    constraint[0] ? constraint : e->msg);
}
