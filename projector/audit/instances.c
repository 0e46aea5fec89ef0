#include "projector/audit/instances.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/fetch.h"
#include "common/log/record.h"
#include "common/net/renewal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT CLOCK_S(2)
enum { MAX_WAITING = 256, ANSWER_MAX = 1 << 20 };

struct question {
	struct question *next;
	char *path;
	instances_done done;
	void *arg;
};

struct instance {
	struct loop *loop;
	const char *token; /* as it was set */
	char *address;	   /* as it was set */
	char *host;
	int port;
	const struct tls_client_options *tls; /* NULL: without TLS */
	struct fetch *fetch;
	struct question *first, **last; /* the first is under way */
	size_t waiting;
};

struct instances {
	struct instance **all;
	size_t n;
};

/* --- addresses ------------------------------------------------------------ */

/* Returns the next address, owned, and moves behind it; NULL: no more. */
static char *next_address(const char **list)
{
	*list += strspn(*list, ", ");
	size_t len = strcspn(*list, ", ");
	if (len == 0)
		return NULL;
	*list += len;
	return mem_strndup(*list - len, len);
}

struct err instances_check(const char *list)
{
	char *address, *host;
	int port;
	bool secure;
	while ((address = next_address(&list)) != NULL) {
		if (!fetch_address(address, &host, &port, &secure)) {
			struct err e = err_make(ERR_KIND_FATAL, "config",
			    "audit.instances: %s is neither host:port nor "
			    "https://host:port",
			    address);
			free(address);
			return e;
		}
		free(host);
		free(address);
	}
	return ERR_OK;
}

/* --- the report ----------------------------------------------------------- */

static bool instances_version_of(
    const json_t *object, const char *name, version_t *out)
{
	const json_t *v = json_object_get(object, name);
	return json_is_string(v) &&
	       version_parse(json_string_value(v), json_string_length(v), out);
}

/* L1 may hold an entry that its floor does not let it serve. */
static bool read_l1(const json_t *report, struct audit_sight *out)
{
	const json_t *l1 = json_object_get(report, "l1");
	const char *state = json_string_value(json_object_get(l1, "state"));
	version_t floor;
	*out = (struct audit_sight){0};
	if (state == NULL || !instances_version_of(l1, "as_of", &out->as_of) ||
	    !instances_version_of(
		json_object_get(report, "instance"), "floor", &floor) ||
	    out->as_of < floor)
		return false;
	out->present = strcmp(state, "present") == 0;
	return out->present ? instances_version_of(l1, "version", &out->version)
			    : strcmp(state, "absent") == 0;
}

bool instances_parse(const char *body, size_t len, struct audit_sight *out)
{
	json_t *report = json_loadb(body, len, 0, NULL);
	bool seen = report && read_l1(report, out);
	json_decref(report);
	return seen;
}

/* --- asking --------------------------------------------------------------- */

static void ask_first(struct instance *one);

static void instances_answer(struct instance *one, const char *body, size_t len)
{
	struct question *q = one->first;
	struct audit_sight sight;
	one->first = q->next;
	if (one->first == NULL)
		one->last = &one->first;
	one->waiting--;
	bool seen = body && instances_parse(body, len, &sight);
	q->done(q->arg, seen ? &sight : NULL, one->address);
	free(q->path);
	free(q);
}

static void on_fetched(void *arg, int status, const char *body, size_t len)
{
	struct instance *one = arg;
	one->fetch = NULL;
	instances_answer(one, status == 200 ? body : NULL, len);
	if (one->first && one->fetch == NULL)
		ask_first(one);
}

static void ask_first(struct instance *one)
{
	char *token = renewal_of(one->token);
	const struct fetch_where where = {
	    one->host, one->port, token, one->tls};
	const struct fetch_what what = {
	    .method = "GET", .path = one->first->path, .most = ANSWER_MAX};
	one->fetch =
	    fetch_start(one->loop, &where, &what, TIMEOUT, on_fetched, one);
	free(token);
}

static bool instances_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static char *path_of(const char *id, size_t len)
{
	struct buf path = {0};
	size_t slash = record_collection_len(id, len);
	buf_str(&path, "/inspect/");
	for (size_t i = 0; i < len; i++) {
		if (i == slash || instances_is_plain(id[i]))
			buf_char(&path, id[i]);
		else
			buf_printf(&path, "%%%02X", (unsigned char)id[i]);
	}
	return buf_take(&path, NULL);
}

bool instances_ask(struct instances *a, size_t i, const char *id, size_t len,
    instances_done done, void *arg)
{
	struct instance *one = a->all[i];
	if (one->waiting >= MAX_WAITING)
		return false;
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){
	    .path = path_of(id, len), .done = done, .arg = arg};
	*one->last = q;
	one->last = &q->next;
	one->waiting++;
	if (one->fetch == NULL && one->first == q)
		ask_first(one);
	return true;
}

/* --- life ----------------------------------------------------------------- */

struct instances *instances_new(struct loop *l, const char *list,
    const char *token, const struct tls_client_options *tls)
{
	struct instances *a = MEM_NEW(struct instances);
	char *address;
	while ((address = next_address(&list)) != NULL) {
		struct instance *one = MEM_NEW(struct instance);
		bool secure;
		one->loop = l;
		one->token = token;
		one->address = address;
		one->last = &one->first;
		/* It was checked at the start (instances_check). */
		CHECK(fetch_address(address, &one->host, &one->port, &secure));
		one->tls = secure ? tls : NULL;
		a->all =
		    mem_realloc(a->all, (a->n + 1) * sizeof(struct instance *));
		a->all[a->n++] = one;
	}
	return a;
}

size_t instances_count(const struct instances *a)
{
	return a->n;
}

void instances_free(struct instances **ap)
{
	struct instances *a = *ap;
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n; i++) {
		struct instance *one = a->all[i];
		fetch_cancel(&one->fetch);
		while (one->first)
			instances_answer(one, NULL, 0);
		free(one->address);
		free(one->host);
		free(one);
	}
	free(a->all);
	free(a);
	*ap = NULL;
}
