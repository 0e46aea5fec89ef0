#include "api/core/offer.h"

#include "api/core/answer.h"
#include "api/core/route.h"
#include "api/http/accept.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/http/http_head.h"
#include "common/http/path.h"

#include <stdlib.h>
#include <string.h>

/* --- Accept -------------------------------------------------------------- */

static bool has_media(const struct route *route, const char *media)
{
	const struct operation_answer *a = route->operation.answers;
	while (a->status && (a->media == NULL || strcmp(a->media, media) != 0))
		a++;
	return a->status != 0;
}

static bool has_one(const struct route *route, const char *accept)
{
	const struct operation_answer *a = route->operation.answers;
	while (a->status && (!a->media || !accept_allows(accept, a->media)))
		a++;
	return a->status != 0;
}

/* Handles what most clients send without parsing the header. */
static bool is_acceptable(const struct request *r)
{
	const char *line = request_header(r, MHD_HTTP_HEADER_ACCEPT);
	if (line == NULL || strcmp(line, "*/*") == 0 ||
	    has_media(r->route, line))
		return true;
	struct buf list = {0};
	bool has =
	    has_one(r->route, request_list(r, MHD_HTTP_HEADER_ACCEPT, &list));
	buf_free(&list);
	return has;
}

enum { OFFER_TYPES = 8 };

const char *offer_type(const struct request *r)
{
	const char *types[OFFER_TYPES];
	const char *line = request_header(r, MHD_HTTP_HEADER_ACCEPT);
	size_t n = 0;
	for (const struct operation_answer *a = r->route->operation.answers;
	     a->status; a++) {
		if (a->status != 200 || a->media == NULL)
			continue;
		CHECK(n < OFFER_TYPES);
		types[n++] = a->media;
	}
	CHECK(n > 0);
	/* What most clients send. */
	if (line == NULL || strcmp(line, "*/*") == 0 ||
	    strcmp(line, types[0]) == 0)
		return types[0];
	struct buf list = {0};
	size_t i = accept_choose(
	    request_list(r, MHD_HTTP_HEADER_ACCEPT, &list), types, n);
	buf_free(&list);
	return types[i];
}

static enum step_result not_acceptable(struct request *r)
{
	const struct operation_answer *a = r->route->operation.answers;
	struct buf detail = {0};
	buf_str(&detail, "This resource is available as ");
	for (size_t n = 0; a->status; a++) {
		if (a->media && strstr(detail.data, a->media) == NULL)
			buf_printf(&detail, "%s%s", n++ ? ", " : "", a->media);
	}
	buf_char(&detail, '.');
	enum step_result done =
	    answer_problem(r, PROBLEM_NOT_ACCEPTABLE, detail.data);
	buf_free(&detail);
	return done;
}

/* --- the query ----------------------------------------------------------- */

void offer_name(char out[OFFER_NAME], const char *name)
{
	size_t len = strlen(name);
	len = utf8_prefix(name, len < OFFER_NAME ? len : OFFER_NAME - 1);
	memcpy(out, name, len);
	out[len] = '\0';
}

struct first {
	char *out;
	bool any;
};

static enum MHD_Result offer_take_name(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct first *first = arg;
	(void)kind;
	if (*name == '\0' && value == NULL)
		return MHD_YES; /* an empty part between two & */
	char *decoded = mem_alloc(strlen(name) + 1);
	bool good = path_decode(name, strlen(name), decoded) >= 0;
	offer_name(first->out, good ? decoded : name);
	free(decoded);
	first->any = true;
	return MHD_NO;
}

struct each {
	offer_take take;
	void *arg;
};

/* libmicrohttpd has replaced plus signs by spaces, and decoded nothing else. */
static enum MHD_Result offer_one(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct each *each = arg;
	(void)kind;
	if (*name == '\0' && value == NULL)
		return MHD_YES; /* an empty part between two & */
	if (value == NULL)
		value = "";
	char *names = mem_alloc(strlen(name) + 1);
	char *values = mem_alloc(strlen(value) + 1);
	long name_len = path_decode(name, strlen(name), names);
	long len = path_decode(value, strlen(value), values);
	bool more;
	if (name_len < 0 || len < 0 || strlen(values) != (size_t)len) {
		char shown[OFFER_NAME] = "";
		if (name_len >= 0)
			offer_name(shown, names);
		more = each->take(each->arg, shown, strlen(shown), NULL, 0);
	} else {
		more = each->take(
		    each->arg, names, (size_t)name_len, values, (size_t)len);
	}
	free(names);
	free(values);
	return more ? MHD_YES : MHD_NO;
}

void offer_each(const struct request *r, offer_take take, void *arg)
{
	struct each each = {take, arg};
	MHD_get_connection_values(
	    r->connection, MHD_GET_ARGUMENT_KIND, offer_one, &each);
}

bool offer_parameter(const struct request *r, char out[OFFER_NAME])
{
	struct first first = {.out = out};
	MHD_get_connection_values(
	    r->connection, MHD_GET_ARGUMENT_KIND, offer_take_name, &first);
	return first.any;
}

enum step_result offer_refuse(struct request *r, enum problem p,
    const char *parameter, const char *detail)
{
	struct buf extra = {0};
	buf_str(&extra, ",\"parameter\":");
	buf_json(&extra, parameter, strlen(parameter));
	struct MHD_Response *response =
	    answer_problem_response(r, p, detail, NULL, extra.data);
	buf_free(&extra);
	return answer_queue(r, problem_status(p), response);
}

/* Only native routes refuse parameters. The frameworks of the reference systems
 * ignore unknown ones, and their clients may rely on it. */
static bool takes_none(const struct route *route)
{
	return strncmp(route->head.pattern, "/v1", 3) == 0 &&
	       !route->feature->takes_query;
}

/* ------------------------------------------------------------------------- */

enum step_result offer_check(struct request *r)
{
	char name[OFFER_NAME];
	if (!is_acceptable(r))
		return not_acceptable(r);
	if (takes_none(r->route) && offer_parameter(r, name))
		return offer_refuse(r, PROBLEM_INVALID_FILTER, name,
		    "This resource takes no parameters.");
	return STEP_MORE;
}
