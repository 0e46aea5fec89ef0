#include "api/core/body_intake.h"

#include "api/core/answer.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"

#include <stdlib.h>

enum { FIRST = 1024 };

/* The expected size of the body: what the client announces, or the maximum. */
static size_t expected(const struct request *r)
{
	size_t max = (size_t)r->thread->instance->settings->max_item;
	const char *length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
	return n > 0 && n < max ? (size_t)n : max;
}

/* The capacity for `len` more bytes and a NUL: doubles it, but not beyond the
 * expected size. */
static size_t room_for(const struct request *r, size_t len)
{
	size_t need = r->body.len + len + 1, most = expected(r) + 1;
	size_t cap = r->body.cap ? 2 * r->body.cap : FIRST;
	if (cap > most)
		cap = most;
	return cap > need ? cap : need;
}

bool body_intake_fits(uint64_t len)
{
	return len == 0 || len == HTTP_HEAD_UNKNOWN ||
	       budget_fits(&budget_bodies, (size_t)len);
}

static bool body_intake_make_room(struct request *r, size_t len)
{
	size_t cap = room_for(r, len);
	if (!budget_take(&budget_bodies, &r->held, cap))
		return false;
	buf_reserve(&r->body, cap);
	httpd_holds(r->connection, r->held);
	return true;
}

enum httpd_body body_intake_add(struct request *r, const char *data, size_t len)
{
	size_t max = (size_t)r->thread->instance->settings->max_item;
	size_t all = r->body.len + len;
	if (all > max ||
	    (all + 1 > r->body.cap && !body_intake_make_room(r, len))) {
		body_intake_free(r);
		return all > max ? HTTPD_LARGE : HTTPD_FULL;
	}
	buf_add(&r->body, data, len);
	return HTTPD_TAKEN;
}

void body_intake_settle(struct request *r, size_t instead)
{
	if (instead)
		buf_free(&r->body);
	budget_set(&budget_bodies, &r->held, instead ? instead : r->body.cap);
}

void body_intake_free(struct request *r)
{
	buf_free(&r->body);
	budget_set(&budget_bodies, &r->held, 0);
}
