/* Credentials: from header fields to a principal, or to a fault with its
 * status and challenge; reloads; what is remembered; threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/credentials.h"
#include "common/access/api_keys.h"

#include "common/base/mem.h"

#include "tests/unit/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define NOW 1700000000

static char folder[] = "/tmp/sluice-credentials-XXXXXX";
static EVP_PKEY *signer, *next;
static char *key;	  /* of reader, subject "robot" */
static char *expired_key; /* since NOW */
static role_set editor, reader, anonymous;

/* --- files --------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void write_jwks(const EVP_PKEY *with, const char *kid)
{
	struct buf text = {0};
	buf_str(&text, "{\"keys\":[");
	tokens_jwk(&text, with, kid, "");
	buf_str(&text, "]}");
	write_file("jwks.json", text.data);
	buf_free(&text);
}

static char *make_key(
    struct buf *json, const char *id, const char *subject, int64_t expires)
{
	static const char *const roles[] = {"reader"};
	unsigned char random[API_KEYS_RANDOM] = {7};
	const struct api_keys_entry e = {id, roles, 1, subject, expires};
	struct buf text = {0};
	api_keys_make(&e, random, &text, json);
	return buf_take(&text, NULL);
}

static void write_keys(void)
{
	struct buf text = {0};
	free(key);
	free(expired_key);
	buf_str(&text, "{\"keys\":[");
	key = make_key(&text, "a", "robot", INT64_MAX);
	buf_str(&text, ",");
	expired_key = make_key(&text, "b", NULL, NOW);
	buf_str(&text, "]}");
	write_file("keys.json", text.data);
	buf_free(&text);
}

static struct credentials_options options(void)
{
	return (struct credentials_options){
	    .keys = "keys.json",
	    .jwks = "jwks.json",
	    .ca = "",
	    .issuer = "https://id",
	    .audience = "sluice",
	    .roles = "scope",
	    .subject = "sub",
	    .leeway = CLOCK_S(30),
	};
}

/* --- one caller ---------------------------------------------------------- */

struct caller {
	struct credentials *c;
	struct credentials_thread *t;
};

static struct caller caller_of(const struct credentials_options *o)
{
	struct caller who;
	struct err e = credentials_new(o, &who.c);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s", e.msg);
	who.t = credentials_thread_new(who.c);
	return who;
}

static void caller_free(struct caller *who)
{
	credentials_thread_free(&who->t);
	credentials_free(&who->c);
}

static struct credentials_verdict judge(struct caller *who,
    const char *authorization, const char *api_key, int64_t now)
{
	const struct credentials_given g = {authorization, api_key,
	    authorization != NULL, api_key != NULL, {NULL}, 0};
	struct credentials_verdict v;
	credentials_judge(who->t, &g, CLOCK_S(now), &v);
	assert_int_equal(v.principal != NULL, v.fault == CREDENTIALS_OK);
	return v;
}

/* By `Authorization: Bearer <text>`. */
static struct credentials_verdict bearer(
    struct caller *who, const char *text, int64_t now)
{
	struct buf b = {0};
	buf_printf(&b, "Bearer %s", text);
	struct credentials_verdict v = judge(who, b.data, NULL, now);
	buf_free(&b);
	return v;
}

static const char *challenge(const struct credentials_verdict *v)
{
	static char text[512];
	struct buf b = {0};
	credentials_challenge(v, &b);
	snprintf(text, sizeof text, "%s", b.data);
	buf_free(&b);
	return text;
}

#define CLAIMS(more)                                                           \
	"{\"iss\":\"https://id\",\"aud\":\"sluice\",\"exp\":1700000100" more "}"

static char *token_by(EVP_PKEY *with, const char *kid, const char *claims)
{
	char head[64];
	snprintf(head, sizeof head, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid);
	return tokens_sign(with, JWK_EDDSA, head, claims);
}

static char *token(const char *claims)
{
	return token_by(signer, "k", claims);
}

/* --- who ----------------------------------------------------------------- */

static void knows_nobody(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	struct credentials_verdict v = judge(&who, NULL, NULL, NOW);
	assert_int_equal(v.principal->kind, PRINCIPAL_ANONYMOUS);
	assert_true(v.principal->roles == anonymous);
	assert_string_equal(principal_subject(v.principal), "");
	/* RFC 6750, 3.1: without a credential there is no error code. */
	assert_int_equal(credentials_status(&v), 401);
	assert_string_equal(challenge(&v), "Bearer realm=\"sluice\"");
	principal_unref(&v.principal);
	caller_free(&who);
}

static void knows_a_token(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	char *t = token(CLAIMS(
	    ",\"sub\":\"ada\",\"scope\":\"openid editor\",\"tenant\":\"t1\""));
	for (int i = 0; i < 3; i++) {
		struct credentials_verdict v = bearer(&who, t, NOW);
		assert_int_equal(v.principal->kind, PRINCIPAL_JWT);
		assert_string_equal(principal_subject(v.principal), "ada");
		assert_true(v.principal->roles == editor);
		assert_int_equal(v.principal->expires, NOW + 130);
		assert_string_equal(v.principal->claims[1], "t1");
		principal_unref(&v.principal);
	}
	free(t);
	caller_free(&who);
}

static void knows_a_key(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	for (int i = 0; i < 4; i++) {
		struct credentials_verdict v = i % 2
						   ? judge(&who, NULL, key, NOW)
						   : bearer(&who, key, NOW);
		assert_int_equal(v.principal->kind, PRINCIPAL_KEY);
		assert_string_equal(principal_subject(v.principal), "robot");
		assert_true(v.principal->roles == reader);
		principal_unref(&v.principal);
	}
	caller_free(&who);
}

static const struct {
	const char *path, *claims;
	unsigned roles; /* 1: editor, 2: reader */
} role_claims[] = {
    {"scope", CLAIMS(",\"sub\":\"a\""), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":\"editor\""), 1},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":\"  reader   editor \""), 3},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":\"reader,editor\""), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":\"\""), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":\"Editor editors edit\""), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":[\"editor\",\"reader\"]"), 3},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":[\"editor reader\"]"), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":[7,null,[\"editor\"]]"), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":{\"editor\":true}"), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"scope\":7"), 0},
    {"scope", CLAIMS(",\"sub\":\"a\",\"roles\":\"editor\""), 0},
    {"/r/s", CLAIMS(",\"sub\":\"a\",\"r\":{\"s\":[\"editor\"]}"), 1},
    {"/r/1", CLAIMS(",\"sub\":\"a\",\"r\":[\"reader\",\"editor\"]"), 1},
    {"https://x/r", CLAIMS(",\"sub\":\"a\",\"https://x/r\":\"reader\""), 2},
};

static void finds_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof role_claims / sizeof *role_claims; i++) {
		struct credentials_options o = options();
		o.roles = role_claims[i].path;
		struct caller who = caller_of(&o);
		char *t = token(role_claims[i].claims);
		struct credentials_verdict v = bearer(&who, t, NOW);
		role_set expected = (role_claims[i].roles & 1 ? editor : 0) |
				    (role_claims[i].roles & 2 ? reader : 0);
		assert_true(v.principal->roles == expected);
		principal_unref(&v.principal);
		free(t);
		caller_free(&who);
	}
}

static const struct {
	const char *path, *claims, *subject; /* NULL: refused */
} subject_claims[] = {
    {"sub", CLAIMS(",\"sub\":\"ada\""), "ada"},
    {"sub", CLAIMS(""), NULL},
    {"sub", CLAIMS(",\"sub\":\"\""), NULL},
    {"email", CLAIMS(",\"sub\":\"7\",\"email\":\"a@b\""), "a@b"},
    {"email", CLAIMS(",\"sub\":\"7\",\"email\":7"), NULL},
    {"/u/id", CLAIMS(",\"u\":{\"id\":\"ada\"}"), "ada"},
    {"/u/id", CLAIMS(",\"sub\":\"ada\",\"u\":{}"), NULL},
};

static void finds_the_subject(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof subject_claims / sizeof *subject_claims;
	     i++) {
		struct credentials_options o = options();
		o.subject = subject_claims[i].path;
		struct caller who = caller_of(&o);
		char *t = token(subject_claims[i].claims);
		struct credentials_verdict v = bearer(&who, t, NOW);
		if (subject_claims[i].subject)
			assert_string_equal(principal_subject(v.principal),
			    subject_claims[i].subject);
		else
			assert_int_equal(v.fault, CREDENTIALS_SUBJECT);
		principal_unref(&v.principal);
		free(t);
		caller_free(&who);
	}
}

/* --- refused ------------------------------------------------------------- */

#define S43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define INVALID(text)                                                          \
	"Bearer realm=\"sluice\", error=\"invalid_token\", "                   \
	"error_description=\"" text "\""
#define MALFORMED(text)                                                        \
	"Bearer realm=\"sluice\", error=\"invalid_request\", "                 \
	"error_description=\"" text "\""
#define EMPTY MALFORMED("The credential is empty.")
#define SCHEME "Bearer realm=\"sluice\""

static const struct {
	const char *authorization, *api_key;
	unsigned status;
	const char *name, *challenge;
} refusals[] = {
    {"", NULL, 400, "empty", EMPTY},
    {"  \t", NULL, 400, "empty", EMPTY},
    {"Bearer", NULL, 400, "empty", EMPTY},
    {"bearer   ", NULL, 400, "empty", EMPTY},
    {NULL, "", 400, "empty", EMPTY},
    {NULL, "  ", 400, "empty", EMPTY},
    {"Basic dTpw", NULL, 401, "scheme", SCHEME},
    {"Digest username=\"u\"", NULL, 401, "scheme", SCHEME},
    {"Bearerx", NULL, 401, "scheme", SCHEME},
    {"Bearer,x", NULL, 401, "scheme", SCHEME},
    {"slk_a_" S43, NULL, 401, "scheme", SCHEME},
    {"Bearer x", "slk_a_" S43, 400, "several",
	MALFORMED("The request has more than one credential.")},
    {"", "", 400, "several",
	MALFORMED("The request has more than one credential.")},
    {"Bearer x", NULL, 401, "parts",
	INVALID("The token does not have three parts, separated by dots.")},
    {"bEARER \t x.y.z ", NULL, 401, "encoding",
	INVALID("A part of the token is not base64url without padding.")},
    {"Bearer e30.e30.e30", NULL, 401, "header",
	INVALID("The header of the token is not valid.")},
    {"Bearer slk_", NULL, 401, "key-form",
	INVALID("The API key does not have the form of one.")},
    {"Bearer slk_x_" S43, NULL, 401, "key-id",
	INVALID("The API key is not known.")},
    {"Bearer slk_a_" S43, NULL, 401, "key-secret",
	INVALID("The API key is not known.")},
    {NULL, "slk_x_" S43, 401, "key-id", INVALID("The API key is not known.")},
    {NULL, "Bearer slk_a_" S43, 401, "key-form",
	INVALID("The API key does not have the form of one.")},
    {NULL, "e30.e30.e30", 401, "key-form",
	INVALID("The API key does not have the form of one.")},
};

static void says_why_not(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		struct credentials_verdict v = judge(
		    &who, refusals[i].authorization, refusals[i].api_key, NOW);
		assert_null(v.principal);
		assert_string_equal(
		    credentials_fault_name(&v), refusals[i].name);
		assert_int_equal(credentials_status(&v), refusals[i].status);
		assert_string_equal(challenge(&v), refusals[i].challenge);
		assert_true(strlen(credentials_fault_text(&v)) > 10);
	}
	caller_free(&who);
}

static void refuses_two_lines(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	struct buf b = {0};
	buf_printf(&b, "Bearer %s", key);
	const struct credentials_given two[] = {{b.data, NULL, 2, 0, {NULL}, 0},
	    {NULL, key, 0, 2, {NULL}, 0}, {b.data, key, 1, 1, {NULL}, 0}};
	for (size_t i = 0; i < 3; i++) {
		struct credentials_verdict v;
		credentials_judge(who.t, &two[i], CLOCK_S(NOW), &v);
		assert_null(v.principal);
		assert_int_equal(v.fault, CREDENTIALS_SEVERAL);
	}
	buf_free(&b);
	caller_free(&who);
}

/* A certificate counts if there is no header field. */
static void knows_a_certificate(void **state)
{
	(void)state;
	struct credentials_options o = options();
	o.keys = "certificates.json";
	write_file(o.keys,
	    "{\"keys\":[{\"id\":\"ci\",\"certificate\":\"DNS:ci\","
	    "\"roles\":[\"editor\"]}]}");
	struct credentials *c;
	assert_int_equal(credentials_new(&o, &c).kind, ERR_KIND_OK);
	struct credentials_thread *t = credentials_thread_new(c);
	struct credentials_given g = {.names = {"CN=x", "DNS:ci"}, .nnames = 2};
	struct credentials_verdict v;
	credentials_judge(t, &g, CLOCK_S(NOW), &v);
	assert_int_equal(v.fault, CREDENTIALS_OK);
	assert_string_equal(principal_subject(v.principal), "certificate:ci");
	principal_unref(&v.principal);
	g.nnames = 1;
	credentials_judge(t, &g, CLOCK_S(NOW), &v);
	assert_null(v.principal);
	assert_int_equal(v.fault, CREDENTIALS_CERTIFICATE);
	assert_int_equal(credentials_status(&v), 401);
	g.nnames = 2;
	g.api_key = "no key";
	g.api_keys = 1;
	credentials_judge(t, &g, CLOCK_S(NOW), &v);
	assert_int_equal(v.fault, CREDENTIALS_KEY_FORM);
	credentials_thread_free(&t);
	credentials_free(&c);
}

static void refuses_what_is_too_long(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	char *text = malloc(100001);
	memset(text, '.', 100000);
	text[100000] = '\0';
	struct credentials_verdict v = bearer(&who, text, NOW);
	assert_string_equal(credentials_fault_name(&v), "too-long");
	memcpy(text, "slk_", 4);
	v = judge(&who, NULL, text, NOW);
	assert_string_equal(credentials_fault_name(&v), "too-long");
	free(text);
	caller_free(&who);
}

/* A token in X-API-Key is none, even after it was found good. */
static void keeps_fields_apart(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	char *t = token(CLAIMS(",\"sub\":\"ada\""));
	struct credentials_verdict v = bearer(&who, t, NOW);
	principal_unref(&v.principal);
	v = judge(&who, NULL, t, NOW);
	assert_int_equal(v.fault, CREDENTIALS_KEY_FORM);
	free(t);
	caller_free(&who);
}

static void takes_only_what_is_configured(void **state)
{
	(void)state;
	struct credentials_options o = options();
	o.jwks = "";
	struct caller who = caller_of(&o);
	assert_true(credentials_configured(who.c));
	struct credentials_verdict v = bearer(&who, "e30.e30.e30", NOW);
	assert_int_equal(v.fault, CREDENTIALS_NO_TOKENS);
	assert_int_equal(credentials_jwks_state(who.c).keys, 0);
	caller_free(&who);
	o = options();
	o.keys = "";
	who = caller_of(&o);
	assert_true(credentials_configured(who.c));
	assert_int_equal(credentials_jwks_state(who.c).keys, 1);
	v = bearer(&who, key, NOW);
	assert_int_equal(v.fault, CREDENTIALS_NO_KEYS);
	caller_free(&who);
	o.jwks = "";
	who = caller_of(&o);
	assert_false(credentials_configured(who.c));
	bool changed = false;
	assert_int_equal(
	    credentials_reload_keys(who.c, &changed).kind, ERR_KIND_OK);
	assert_int_equal(
	    credentials_reload_tokens(who.c, &changed).kind, ERR_KIND_OK);
	assert_false(changed);
	caller_free(&who);
}

/* --- time ---------------------------------------------------------------- */

/* What was found good is remembered, and ends all the same. */
static void ends_in_time(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	char *t = token(CLAIMS(",\"sub\":\"ada\""));
	struct credentials_verdict v = bearer(&who, t, NOW);
	principal_unref(&v.principal);
	v = bearer(&who, t, NOW + 129);
	principal_unref(&v.principal);
	v = bearer(&who, t, NOW + 130);
	assert_string_equal(credentials_fault_name(&v), "expired");
	v = bearer(&who, expired_key, NOW - 1);
	assert_string_equal(principal_subject(v.principal), "key:b");
	principal_unref(&v.principal);
	v = bearer(&who, expired_key, NOW);
	assert_int_equal(v.fault, CREDENTIALS_KEY_EXPIRED);
	free(t);
	caller_free(&who);
}

/* --- reload -------------------------------------------------------------- */

static void reloads_tokens(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	char *old = token(CLAIMS(",\"sub\":\"ada\""));
	char *new = token_by(next, "n", CLAIMS(",\"sub\":\"ada\""));
	bool changed = false;
	struct credentials_verdict v = bearer(&who, old, NOW);
	principal_unref(&v.principal);
	v = bearer(&who, new, NOW);
	assert_string_equal(credentials_fault_name(&v), "key-unknown");
	/* A bad file changes nothing. */
	write_file("jwks.json", "{");
	struct err e = credentials_reload_tokens(who.c, &changed);
	assert_string_equal(e.msg, "setting 'auth.jwt.jwks': jwks.json: line "
				   "1, column 1: ends too early");
	assert_false(changed);
	v = bearer(&who, old, NOW);
	principal_unref(&v.principal);
	/* The other key: what was remembered is forgotten. */
	write_jwks(next, "n");
	assert_int_equal(
	    credentials_reload_tokens(who.c, &changed).kind, ERR_KIND_OK);
	assert_true(changed);
	v = bearer(&who, old, NOW);
	assert_string_equal(credentials_fault_name(&v), "key-unknown");
	v = bearer(&who, new, NOW);
	assert_string_equal(principal_subject(v.principal), "ada");
	principal_unref(&v.principal);
	write_jwks(signer, "k");
	free(old);
	free(new);
	caller_free(&who);
}

static void reloads_keys(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	bool changed = false;
	struct credentials_verdict v = bearer(&who, key, NOW);
	principal_unref(&v.principal);
	assert_int_equal(
	    credentials_reload_keys(who.c, &changed).kind, ERR_KIND_OK);
	assert_false(changed);
	write_file("keys.json", "{\"keys\":[7]}");
	struct err e = credentials_reload_keys(who.c, &changed);
	assert_string_equal(e.msg,
	    "setting 'auth.keys': keys.json: keys[0]: must be an object");
	v = bearer(&who, key, NOW);
	principal_unref(&v.principal);
	write_file("keys.json", "{\"keys\":[]}");
	assert_int_equal(
	    credentials_reload_keys(who.c, &changed).kind, ERR_KIND_OK);
	assert_true(changed);
	v = bearer(&who, key, NOW);
	assert_int_equal(v.fault, CREDENTIALS_KEY_ID);
	write_keys();
	caller_free(&who);
}

/* A declaration that comes later may name another role, and another claim. */
static void learns_roles_and_claims(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct caller who = caller_of(&o);
	role_set clerk = 0;
	unsigned desk;
	write_jwks(signer, "k");
	char *t = token(CLAIMS(
	    ",\"sub\":\"ada\",\"scope\":\"clerk editor\",\"desk\":\"7\""));
	struct credentials_verdict v = bearer(&who, t, NOW);
	assert_int_equal(v.principal->roles, editor);
	principal_unref(&v.principal);
	assert_true(roles_grant(&clerk, "clerk", 5));
	assert_true(claims_add("desk", 4, &desk));
	v = bearer(&who, t, NOW);
	assert_int_equal(v.principal->roles, editor); /* as it was found good */
	principal_unref(&v.principal);
	credentials_forget(who.c);
	v = bearer(&who, t, NOW);
	assert_int_equal(v.principal->roles, clerk | editor);
	assert_string_equal(v.principal->claims[desk], "7");
	principal_unref(&v.principal);
	v = bearer(&who, key, NOW);
	assert_int_equal(v.principal->roles, reader);
	principal_unref(&v.principal);
	free(t);
	caller_free(&who);
}

static void refuses_to_start(void **state)
{
	(void)state;
	struct credentials_options o = options();
	struct credentials *c;
	o.keys = "other-role.json";
	write_file(o.keys,
	    "{\"keys\":[{\"id\":\"a\",\"roles\":[\"boss\"],\"sha256\":\""
	    "0000000000000000000000000000000000000000000000000000000000000000"
	    "\"}]}");
	struct err e = credentials_new(&o, &c);
	assert_null(c);
	assert_string_equal(e.msg,
	    "setting 'auth.keys': other-role.json: keys[0].roles[0]: no "
	    "collection and no setting grants anything to the role boss");
	unlink(o.keys);
	o = options();
	o.jwks = "absent.json";
	e = credentials_new(&o, &c);
	assert_null(c);
	assert_string_equal(e.msg, "setting 'auth.jwt.jwks': absent.json: No "
				   "such file or directory");
}

/* --- threads ------------------------------------------------------------- */

struct worker {
	struct credentials *c;
	atomic_bool *stop;
	char *token;
	size_t judged;
};

/* Whatever is reloaded meanwhile, both stay good. */
static void *judge_all_the_time(void *arg)
{
	struct worker *w = arg;
	struct credentials_thread *t = credentials_thread_new(w->c);
	while (!atomic_load(w->stop)) {
		const struct credentials_given g[] = {
		    {w->token, NULL, 1, 0, {NULL}, 0},
		    {NULL, key, 0, 1, {NULL}, 0}};
		for (int i = 0; i < 2; i++) {
			struct credentials_verdict v;
			credentials_judge(t, &g[i], CLOCK_S(NOW), &v);
			CHECK(v.principal && *principal_subject(v.principal));
			principal_unref(&v.principal);
		}
		w->judged++;
	}
	credentials_thread_free(&t);
	return NULL;
}

/* Both files get another text, and the same meaning. */
static void touch_files(int i)
{
	char *blanks = mem_zalloc(64);
	memset(blanks, ' ', (size_t)(i % 2 + 1));
	FILE *f = fopen("jwks.json", "a");
	fputs(blanks, f);
	fclose(f);
	f = fopen("keys.json", "a");
	fputs(blanks, f);
	fclose(f);
	free(blanks);
}

static void is_shared_by_threads(void **state)
{
	(void)state;
	enum { WORKERS = 3, RELOADS = 50 };
	struct credentials_options o = options();
	struct credentials *c;
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	atomic_bool stop = false;
	struct buf b = {0};
	char *t = token(CLAIMS(",\"sub\":\"ada\""));
	buf_printf(&b, "Bearer %s", t);
	assert_int_equal(credentials_new(&o, &c).kind, ERR_KIND_OK);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){c, &stop, b.data, 0};
		CHECK_OS(pthread_create(
		    &threads[i], NULL, judge_all_the_time, &workers[i]));
	}
	for (int i = 0; i < RELOADS; i++) {
		bool keys = false, tokens = false;
		touch_files(i);
		assert_int_equal(
		    credentials_reload_keys(c, &keys).kind, ERR_KIND_OK);
		assert_int_equal(
		    credentials_reload_tokens(c, &tokens).kind, ERR_KIND_OK);
		assert_true(keys && tokens);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		CHECK_OS(pthread_join(threads[i], NULL));
	write_jwks(signer, "k");
	write_keys();
	buf_free(&b);
	free(t);
	credentials_free(&c);
}

/* --- the table ----------------------------------------------------------- */

static void has_quotable_sentences(void **state)
{
	(void)state;
	for (int f = CREDENTIALS_OK + 1; f < CREDENTIALS_TOKEN; f++) {
		const struct credentials_verdict v = {
		    .fault = (enum credentials_fault)f};
		assert_null(strpbrk(credentials_fault_text(&v), "\"\\"));
		assert_true(credentials_status(&v) >= 400);
	}
}

static int start(void **state)
{
	(void)state;
	unsigned index;
	signer = tokens_key(JWK_EDDSA);
	next = tokens_key(JWK_EDDSA);
	roles_forget();
	claims_forget();
	roles_grant(&editor, "editor", 6);
	roles_grant(&reader, "reader", 6);
	roles_grant(&anonymous, "anonymous", 9);
	claims_add("tenant", 6, &index);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	write_jwks(signer, "k");
	write_keys();
	return 0;
}

static int end(void **state)
{
	(void)state;
	EVP_PKEY_free(signer);
	EVP_PKEY_free(next);
	free(key);
	free(expired_key);
	unlink("jwks.json");
	unlink("keys.json");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_nobody),
	    cmocka_unit_test(knows_a_token),
	    cmocka_unit_test(knows_a_key),
	    cmocka_unit_test(finds_roles),
	    cmocka_unit_test(finds_the_subject),
	    cmocka_unit_test(says_why_not),
	    cmocka_unit_test(refuses_two_lines),
	    cmocka_unit_test(knows_a_certificate),
	    cmocka_unit_test(refuses_what_is_too_long),
	    cmocka_unit_test(keeps_fields_apart),
	    cmocka_unit_test(takes_only_what_is_configured),
	    cmocka_unit_test(ends_in_time),
	    cmocka_unit_test(reloads_tokens),
	    cmocka_unit_test(reloads_keys),
	    cmocka_unit_test(learns_roles_and_claims),
	    cmocka_unit_test(refuses_to_start),
	    cmocka_unit_test(is_shared_by_threads),
	    cmocka_unit_test(has_quotable_sentences),
	};
	return cmocka_run_group_tests(tests, start, end);
}
