#include "api/access/credentials.h"

#include "api/access/token_cache.h"
#include "common/access/api_keys.h"
#include "common/access/json_pointer.h"
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FETCH_TIMEOUT CLOCK_S(5)
#define FETCH_REFRESH CLOCK_S(600)
#define FETCH_PAUSE CLOCK_S(30)

enum { CACHE_ENTRIES = 8192, CACHE_BYTES = 8 << 20 };
enum { SUBJECT_MAX = 256 };

struct credentials {
	struct jwks_source *jwks; /* NULL: no tokens */
	char *issuer, *audience, *roles, *subject;
	struct jwt_policy policy;
	char *keys_file; /* "": no API keys */
	_Atomic uint64_t keys_generation;
	pthread_mutex_t mutex;
	struct api_keys *keys; /* guarded */
};

struct credentials_thread {
	struct credentials *shared;
	struct token_cache *cache;
	/* Of this thread, so that threads do not contend for its counter. */
	struct principal *anonymous;
};

/* --- start and end ------------------------------------------------------- */

static struct err of_setting(const char *name, struct err e)
{
	return e.kind == ERR_KIND_OK
		   ? e
		   : err_make(e.kind, e.code, "setting '%s': %s", name, e.msg);
}

static struct err start_tokens(
    struct credentials *c, const struct credentials_options *o)
{
	const struct jwks_source_options source = {
	    .from = o->jwks,
	    .ca = o->ca,
	    .timeout = FETCH_TIMEOUT,
	    .refresh = FETCH_REFRESH,
	    .pause = FETCH_PAUSE,
	};
	c->issuer = mem_strdup(o->issuer);
	c->audience = mem_strdup(o->audience);
	c->roles = mem_strdup(o->roles);
	c->subject = mem_strdup(o->subject);
	c->policy = (struct jwt_policy){c->issuer, c->audience, o->leeway};
	if (*o->jwks == '\0')
		return ERR_OK;
	return of_setting("auth.jwt.jwks", jwks_source_new(&source, &c->jwks));
}

static struct err start_keys(struct credentials *c, const char *file)
{
	bool changed;
	c->keys_file = mem_strdup(file);
	return credentials_reload_keys(c, &changed);
}

struct err credentials_new(
    const struct credentials_options *o, struct credentials **out)
{
	struct credentials *c = MEM_NEW(struct credentials);
	CHECK_OS(pthread_mutex_init(&c->mutex, NULL));
	struct err e = start_keys(c, o->keys);
	if (e.kind == ERR_KIND_OK)
		e = start_tokens(c, o);
	if (e.kind != ERR_KIND_OK)
		credentials_free(&c);
	*out = c;
	return e;
}

void credentials_free(struct credentials **cp)
{
	struct credentials *c = *cp;
	*cp = NULL;
	if (c == NULL)
		return;
	jwks_source_free(&c->jwks);
	api_keys_release(&c->keys);
	CHECK_OS(pthread_mutex_destroy(&c->mutex));
	free(c->issuer);
	free(c->audience);
	free(c->roles);
	free(c->subject);
	free(c->keys_file);
	free(c);
}

bool credentials_configured(const struct credentials *c)
{
	return c->jwks || *c->keys_file;
}

struct credentials_thread *credentials_thread_new(struct credentials *c)
{
	struct credentials_thread *t = MEM_NEW(struct credentials_thread);
	t->shared = c;
	t->cache = token_cache_new(CACHE_ENTRIES, CACHE_BYTES);
	t->anonymous =
	    principal_new(PRINCIPAL_ANONYMOUS, roles_anonymous(), INT64_MAX);
	return t;
}

void credentials_thread_free(struct credentials_thread **tp)
{
	struct credentials_thread *t = *tp;
	*tp = NULL;
	if (t == NULL)
		return;
	token_cache_free(&t->cache);
	principal_unref(&t->anonymous);
	free(t);
}

/* --- reload -------------------------------------------------------------- */

/* The counter grows after the keys were exchanged. So who sees it grown finds
 * the new ones. */
static struct api_keys *exchange_keys(
    struct credentials *c, struct api_keys *keys)
{
	CHECK_OS(pthread_mutex_lock(&c->mutex));
	struct api_keys *before = c->keys;
	c->keys = keys;
	atomic_fetch_add(&c->keys_generation, 1);
	CHECK_OS(pthread_mutex_unlock(&c->mutex));
	return before;
}

/* Only the main thread exchanges the keys, so it may look at them. */
struct err credentials_reload_keys(void *arg, bool *changed)
{
	struct credentials *c = arg;
	struct api_keys *keys;
	if (*c->keys_file == '\0')
		return ERR_OK;
	struct err e =
	    of_setting("auth.keys", api_keys_load(c->keys_file, false, &keys));
	if (e.kind != ERR_KIND_OK)
		return e;
	*changed = c->keys == NULL || !api_keys_same(c->keys, keys);
	if (*changed)
		keys = exchange_keys(c, keys);
	api_keys_release(&keys);
	return ERR_OK;
}

void credentials_forget(struct credentials *c)
{
	atomic_fetch_add(&c->keys_generation, 1);
}

struct err credentials_reload_tokens(void *arg, bool *changed)
{
	struct credentials *c = arg;
	if (c->jwks == NULL)
		return ERR_OK;
	return of_setting(
	    "auth.jwt.jwks", jwks_source_reload(c->jwks, changed));
}

struct jwks_source_state credentials_jwks_state(const struct credentials *c)
{
	return c->jwks ? jwks_source_state(c->jwks)
		       : (struct jwks_source_state){0};
}

/* --- API keys ------------------------------------------------------------ */

static struct api_keys *take_keys(struct credentials *c)
{
	CHECK_OS(pthread_mutex_lock(&c->mutex));
	struct api_keys *keys = c->keys ? api_keys_hold(c->keys) : NULL;
	CHECK_OS(pthread_mutex_unlock(&c->mutex));
	return keys;
}

/* Of this thread, as above. */
static struct principal *own_copy(const struct principal *p)
{
	struct principal *own = principal_new(p->kind, p->roles, p->expires);
	for (size_t i = 0; i < CLAIMS_MAX; i++) {
		if (p->claims[i])
			principal_claim(
			    own, i, p->claims[i], strlen(p->claims[i]));
	}
	principal_name_key(own, p->key);
	return own;
}

static void judge_key(struct credentials *c, const char *text, size_t len,
    wall_us_t now, struct credentials_verdict *out)
{
	static const enum credentials_fault faults[] = {
	    [API_KEYS_OK] = CREDENTIALS_OK,
	    [API_KEYS_MALFORMED] = CREDENTIALS_KEY_FORM,
	    [API_KEYS_UNKNOWN] = CREDENTIALS_KEY_ID,
	    [API_KEYS_WRONG] = CREDENTIALS_KEY_SECRET,
	    [API_KEYS_EXPIRED] = CREDENTIALS_KEY_EXPIRED,
	};
	struct api_keys *keys = take_keys(c);
	struct principal *p = NULL;
	out->fault = CREDENTIALS_NO_KEYS;
	if (keys)
		out->fault = faults[api_keys_find(keys, text, len, now, &p)];
	if (p)
		out->principal = own_copy(p);
	principal_unref(&p);
	api_keys_release(&keys);
}

static void judge_certificate(struct credentials *c,
    const struct credentials_given *g, wall_us_t now,
    struct credentials_verdict *out)
{
	struct api_keys *keys = take_keys(c);
	struct principal *p = NULL;
	if (keys)
		(void)api_keys_find_certificate(
		    keys, g->names, g->nnames, now, &p);
	out->fault = p ? CREDENTIALS_OK : CREDENTIALS_CERTIFICATE;
	if (p)
		out->principal = own_copy(p);
	principal_unref(&p);
	api_keys_release(&keys);
}

/* --- tokens -------------------------------------------------------------- */

static role_set roles_of_text(const char *s)
{
	role_set set = 0;
	while (*(s += strspn(s, " "))) {
		size_t n = strcspn(s, " ");
		set |= roles_find(s, n);
		s += n;
	}
	return set;
}

/* A string, names separated by blanks, or an array of strings. Anything else
 * names no role. */
static role_set roles_of_claim(const json_t *v)
{
	role_set set = 0;
	const json_t *one;
	size_t i;
	if (json_is_string(v))
		return roles_of_text(json_string_value(v));
	json_array_foreach(v, i, one)
	{
		if (json_is_string(one))
			set |= roles_find(
			    json_string_value(one), json_string_length(one));
	}
	return set;
}

static void add_claim(struct principal *p, size_t index, const json_t *v)
{
	if (json_is_string(v))
		principal_claim(
		    p, index, json_string_value(v), json_string_length(v));
}

/* NULL: it has no subject. */
static struct principal *principal_of(
    const struct credentials *c, const struct jwt *t)
{
	const json_t *subject = json_pointer_path_find(t->claims, c->subject);
	size_t len = json_string_length(subject);
	if (len == 0 || len > SUBJECT_MAX)
		return NULL;
	struct principal *p = principal_new(PRINCIPAL_JWT,
	    roles_of_claim(json_pointer_path_find(t->claims, c->roles)),
	    t->expires / CLOCK_S(1));
	add_claim(p, 0, subject);
	for (size_t i = 1; i < claims_count(); i++)
		add_claim(
		    p, i, json_pointer_path_find(t->claims, claims_at(i)));
	return p;
}

static void judge_with(struct credentials *c, const struct jwks *set,
    const char *text, size_t len, wall_us_t now,
    struct credentials_verdict *out)
{
	struct jwt t;
	out->jwt = jwt_verify(text, len, set, &c->policy, now, &t);
	if (out->jwt == JWT_OK) {
		out->principal = principal_of(c, &t);
		out->fault =
		    out->principal ? CREDENTIALS_OK : CREDENTIALS_SUBJECT;
	} else {
		out->fault = CREDENTIALS_TOKEN;
	}
	jwt_free(&t);
}

/* Of the header of a token, which names the key. */
static uint64_t header_hash(const char *text, size_t len)
{
	const char *end = memchr(text, '.', len);
	return hash_bytes(text, end ? (size_t)(end - text) : len);
}

/* The generation is read before the set: the set may be newer, never older. */
static void judge_token(struct credentials *c, const char *text, size_t len,
    wall_us_t now, struct credentials_verdict *out)
{
	out->fault = CREDENTIALS_NO_TOKENS;
	if (c->jwks == NULL)
		return;
	uint64_t generation = jwks_source_generation(c->jwks);
	struct jwks *set = jwks_source_take(c->jwks);
	out->fault = CREDENTIALS_FETCHING;
	if (set)
		judge_with(c, set, text, len, now, out);
	jwks_release(&set);
	if (out->fault == CREDENTIALS_TOKEN && out->jwt == JWT_KEY_UNKNOWN &&
	    jwks_source_unknown(c->jwks, generation, header_hash(text, len)))
		out->fault = CREDENTIALS_FETCHING;
}

/* --- the header fields --------------------------------------------------- */

struct text {
	const char *s;
	size_t len;
};

static struct text credentials_trim(const char *s)
{
	s += strspn(s, " \t");
	size_t len = strlen(s);
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return (struct text){s, len};
}

/* Behind the scheme, whose case does not matter (RFC 9110, 11.1). */
static enum credentials_fault read_bearer(const char *value, struct text *out)
{
	static const char scheme[] = "Bearer";
	size_t len = sizeof scheme - 1;
	*out = credentials_trim(value);
	if (out->len == 0)
		return CREDENTIALS_EMPTY;
	if (strncasecmp(out->s, scheme, len) != 0 ||
	    (out->s[len] && out->s[len] != ' ' && out->s[len] != '\t'))
		return CREDENTIALS_SCHEME;
	*out = credentials_trim(out->s + len);
	return out->len ? CREDENTIALS_OK : CREDENTIALS_EMPTY;
}

static bool credentials_is_key(struct text t)
{
	size_t len = strlen(API_KEYS_PREFIX);
	return t.len >= len && memcmp(t.s, API_KEYS_PREFIX, len) == 0;
}

static enum credentials_fault read_given(
    const struct credentials_given *g, struct text *out)
{
	if (g->authorizations + g->api_keys > 1)
		return CREDENTIALS_SEVERAL;
	if (g->authorizations)
		return read_bearer(g->authorization, out);
	*out = credentials_trim(g->api_key);
	if (out->len == 0)
		return CREDENTIALS_EMPTY;
	return credentials_is_key(*out) ? CREDENTIALS_OK : CREDENTIALS_KEY_FORM;
}

/* Both counters only grow, so their sum changes with each of them. */
static uint64_t generation_of(const struct credentials *c)
{
	uint64_t keys = atomic_load(&c->keys_generation);
	return keys + (c->jwks ? jwks_source_generation(c->jwks) : 0);
}

static void judge_given(struct credentials_thread *t, struct text text,
    wall_us_t now, struct credentials_verdict *out)
{
	struct credentials *c = t->shared;
	uint64_t generation = generation_of(c);
	struct principal *p = token_cache_get(
	    t->cache, generation, text.s, text.len, now / CLOCK_S(1));
	if (p) {
		out->principal = principal_ref(p);
		return;
	}
	if (credentials_is_key(text))
		judge_key(c, text.s, text.len, now, out);
	else
		judge_token(c, text.s, text.len, now, out);
	if (out->principal)
		token_cache_put(
		    t->cache, generation, text.s, text.len, out->principal);
}

void credentials_judge(struct credentials_thread *t,
    const struct credentials_given *g, wall_us_t now,
    struct credentials_verdict *out)
{
	struct text text;
	*out = (struct credentials_verdict){0};
	if (g->authorizations + g->api_keys == 0 && g->nnames) {
		judge_certificate(t->shared, g, now, out);
		return;
	}
	if (g->authorizations + g->api_keys == 0) {
		out->principal = principal_ref(t->anonymous);
		return;
	}
	out->fault = read_given(g, &text);
	if (out->fault != CREDENTIALS_OK)
		return;
	if (text.len <= JWT_LENGTH_MOST) {
		judge_given(t, text, now, out);
	} else {
		out->fault = CREDENTIALS_TOKEN;
		out->jwt = JWT_TOO_LONG;
	}
}

/* --- what the answer says ------------------------------------------------ */

static const struct {
	unsigned status;
	const char *error, *name, *text;
} fault_rows[] = {
    [CREDENTIALS_OK] = {401, "", "", ""},
#define CREDENTIALS_FAULT(id, status, error, name, text)                       \
	[id] = {status, error, name, text},
#include "api/access/credentials.def"
#undef CREDENTIALS_FAULT
    [CREDENTIALS_TOKEN] = {401, "invalid_token", NULL, NULL},
};

unsigned credentials_status(const struct credentials_verdict *v)
{
	return fault_rows[v->fault].status;
}

const char *credentials_fault_name(const struct credentials_verdict *v)
{
	return v->fault == CREDENTIALS_TOKEN ? jwt_fault_name(v->jwt)
					     : fault_rows[v->fault].name;
}

const char *credentials_fault_text(const struct credentials_verdict *v)
{
	return v->fault == CREDENTIALS_TOKEN ? jwt_fault_text(v->jwt)
					     : fault_rows[v->fault].text;
}

void credentials_challenge(const struct credentials_verdict *v, struct buf *out)
{
	const char *error = fault_rows[v->fault].error;
	buf_str(out, "Bearer realm=\"sluice\"");
	if (*error)
		buf_printf(out, ", error=\"%s\", error_description=\"%s\"",
		    error, credentials_fault_text(v));
}
