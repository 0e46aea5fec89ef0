#include "api/core/admission.h"

#include "api/access/credentials.h"
#include "api/access/rights.h"
#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/core/media.h"
#include "api/core/metrics.h"
#include "api/core/offer.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"
#include "common/http/listener.h"
#include "common/net/tls_peer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHALLENGE "Bearer realm=\"sluice\""

struct admission {
	bool required;
	struct rights rights;
	struct principal *nobody; /* who sends no credential */
};

/* --- start --------------------------------------------------------------- */

static struct err admission_grant_all(
    struct rights *rights, const struct api_settings *s)
{
	const struct {
		enum verb verb;
		const char *setting, *roles;
	} rows[] = {
	    {VERB_page, "access.page", s->access_page},
	    {VERB_docs, "access.docs", s->access_docs},
	    {VERB_health, "access.health", s->access_health},
	    {VERB_stats, "access.stats", s->access_stats},
	    {VERB_purge, "access.purge", s->access_purge},
	    {VERB_inspect, "access.inspect", s->access_inspect},
	    {VERB_operate, "access.operate", s->access_operate},
	};
	struct err e = ERR_OK;
	for (size_t i = 0;
	     i < sizeof rows / sizeof rows[0] && e.kind == ERR_KIND_OK; i++)
		e = rights_grant(
		    rights, rows[i].verb, rows[i].setting, rows[i].roles);
	return e;
}

/* Without authentication, whoever reaches the listener may do everything. */
static struct err admission_check_address(const struct api_settings *s)
{
	if (listener_is_loopback(s->http_listen))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "http.listen is %s, which others can reach, and no authentication "
	    "is configured; set auth.keys or auth.jwt.jwks, or set auth.mode "
	    "to open if everybody may do everything",
	    s->http_listen);
}

struct err admission_new(const struct api_settings *s, struct admission **out)
{
	struct admission *a = MEM_NEW(struct admission);
	*out = a;
	a->nobody = principal_new(PRINCIPAL_ANONYMOUS, 0, INT64_MAX);
	bool automatic = strcmp(s->auth_mode, "auto") == 0;
	bool configured =
	    s->auth_keys[0] || s->jwt_jwks[0] || s->tls_client_ca[0];
	a->required =
	    strcmp(s->auth_mode, "required") == 0 || (automatic && configured);
	struct err e = admission_grant_all(&a->rights, s);
	if (e.kind == ERR_KIND_OK && automatic && !configured)
		e = admission_check_address(s);
	return e;
}

void admission_free(struct admission **a)
{
	if (*a == NULL)
		return;
	principal_unref(&(*a)->nobody);
	free(*a);
	*a = NULL;
}

struct err admission_check(const struct api_settings *s)
{
	struct admission *a;
	struct err e = admission_new(s, &a);
	admission_free(&a);
	return e;
}

bool admission_is_required(const struct admission *a)
{
	return a->required;
}

/* --- who asks ------------------------------------------------------------ */

static enum MHD_Result admission_count(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct credentials_given *g = arg;
	(void)kind, (void)value;
	g->authorizations +=
	    strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0;
	g->api_keys += strcasecmp(name, "X-API-Key") == 0;
	return MHD_YES;
}

/* `peer` may be NULL. */
static void admission_add_names(
    const struct tls_peer *peer, struct credentials_given *g)
{
	if (peer == NULL)
		return;
	g->names[g->nnames++] = peer->subject;
	for (size_t i = 0; i < peer->nnames && g->nnames < CREDENTIALS_NAMES;
	     i++)
		g->names[g->nnames++] = peer->names[i];
}

static struct credentials_given admission_given(const struct request *r)
{
	struct credentials_given g = {
	    .authorization = request_header(r, MHD_HTTP_HEADER_AUTHORIZATION),
	    .api_key = request_header(r, "X-API-Key"),
	};
	if (g.authorization || g.api_key)
		MHD_get_connection_values(
		    r->connection, MHD_HEADER_KIND, admission_count, &g);
	else
		admission_add_names(httpd_peer(r->connection), &g);
	return g;
}

/* The credential is not good. */
static enum step_result admission_deny(
    struct request *r, const struct credentials_verdict *v)
{
	unsigned status = credentials_status(v);
	const char *text = credentials_fault_text(v);
	r->principal = principal_ref(r->thread->instance->admission->nobody);
	guard_audit(r, status, credentials_fault_name(v));
	if (status == 503)
		return answer_retry(r, PROBLEM_STORE_UNAVAILABLE, text, 1);
	struct buf challenge = {0};
	enum problem p =
	    status == 400 ? PROBLEM_CREDENTIAL : PROBLEM_UNAUTHENTICATED;
	struct MHD_Response *response =
	    answer_problem_response(r, p, text, NULL, NULL);
	credentials_challenge(v, &challenge);
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, challenge.data);
	buf_free(&challenge);
	metric_add(&r->thread->metrics->refused_401, 1);
	return answer_queue(r, problem_status(p), response);
}

enum step_result admission_identify(struct request *r)
{
	if (!r->thread->instance->admission->required)
		return STEP_MORE;
	const struct credentials_given g = admission_given(r);
	struct credentials_verdict v;
	credentials_judge(r->thread->credentials, &g, clock_wall(), &v);
	if (v.principal == NULL)
		return admission_deny(r, &v);
	r->principal = v.principal;
	return STEP_MORE;
}

/* --- may they ------------------------------------------------------------ */

/* A row of the table has one verb. The head may show that another one is meant:
 * a list as NDJSON is an export, and a POST of NDJSON is a bulk. */
static enum verb admission_verb(const struct request *r)
{
	enum verb v = r->route->head.verb;
	if (v == VERB_list && strcmp(offer_type(r), NDJSON_TYPE) == 0)
		return VERB_export;
	if (v == VERB_create && r->route->body.media == MEDIA_BULK &&
	    media_is(r, NDJSON_TYPE))
		return VERB_bulk;
	return v;
}

/* The reference routes do not look at the header. So it must not narrow what
 * they need. */
static bool admission_has_condition(const struct request *r, const char *header)
{
	return r->route->surface == &native_surface &&
	       request_header(r, header) != NULL;
}

/* A PUT without a condition creates the row or replaces it. */
static enum right admission_upsert(const struct request *r)
{
	const struct collection *c = r->target.collection;
	enum right create = rights_on(c, VERB_create, r->principal);
	enum right update = rights_on(c, VERB_update, r->principal);
	if (admission_has_condition(r, MHD_HTTP_HEADER_IF_MATCH))
		return update;
	if (admission_has_condition(r, MHD_HTTP_HEADER_IF_NONE_MATCH))
		return create;
	return create < update ? create : update;
}

/* May the caller do one of these in any collection? */
static bool admission_anywhere(
    const struct request *r, const enum verb *verbs, size_t n)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)); i++) {
		for (size_t v = 0; v < n; v++) {
			if (rights_on(c, verbs[v], r->principal))
				return true;
		}
	}
	return false;
}

/* The status of a write belongs to no collection. Whoever may write something
 * may ask for it; api/write/status.c shows only own writes. */
static enum right admission_status(const struct request *r)
{
	static const enum verb writes[] = {
	    VERB_create, VERB_update, VERB_delete, VERB_bulk};
	const struct admission *a = r->thread->instance->admission;
	if (rights_of_service(&a->rights, VERB_operate, r->principal))
		return RIGHT_ALL;
	return admission_anywhere(r, writes, sizeof writes / sizeof writes[0])
		   ? RIGHT_OWN
		   : RIGHT_NONE;
}

bool admission_knows(const struct request *r, enum verb v)
{
	const struct admission *a = r->thread->instance->admission;
	return r->principal == NULL ||
	       rights_of_service(&a->rights, v, r->principal);
}

enum right admission_right(const struct request *r, enum verb v)
{
	if (r->principal == NULL)
		return RIGHT_ALL;
	if (verb_scope(v) == VERB_SERVICE)
		return admission_knows(r, v) ? RIGHT_ALL : RIGHT_NONE;
	if (r->target.collection == NULL && r->route->collection)
		return RIGHT_ALL; /* it is not declared: there is nothing */
	if (r->target.collection == NULL && r->feature->joins)
		return admission_anywhere(r, &v, 1) ? RIGHT_OWN : RIGHT_NONE;
	if (r->target.collection == NULL)
		return admission_status(r);
	if (v == VERB_update && r->route->upserts)
		return admission_upsert(r);
	enum right right = rights_on(r->target.collection, v, r->principal);
	/* An export of a reference route has the whole collection. */
	bool whole = v == VERB_export && r->route->surface != &native_surface;
	return whole && right == RIGHT_OWN ? RIGHT_NONE : right;
}

/* The title of the problem is enough: a detail could tell what is there. */
enum step_result admission_refuse(struct request *r)
{
	bool nobody = r->principal->kind == PRINCIPAL_ANONYMOUS;
	enum problem p = nobody ? PROBLEM_UNAUTHENTICATED : PROBLEM_FORBIDDEN;
	struct MHD_Response *response =
	    answer_problem_response(r, p, NULL, NULL, NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
	    nobody ? CHALLENGE : CHALLENGE ", error=\"insufficient_scope\"");
	guard_audit(r, problem_status(p), nobody ? "credential" : "right");
	metric_add(nobody ? &r->thread->metrics->refused_401
			  : &r->thread->metrics->refused_403,
	    1);
	return answer_queue(r, problem_status(p), response);
}

bool admission_allows(struct request *r, enum verb v)
{
	r->right = admission_right(r, v);
	return r->right != RIGHT_NONE;
}

enum step_result admission_permit(struct request *r)
{
	return admission_allows(r, admission_verb(r)) ? STEP_MORE
						      : admission_refuse(r);
}

void admission_describe(const struct request *r, struct MHD_Response *response)
{
	if (r->principal)
		http_head_private(response);
}
