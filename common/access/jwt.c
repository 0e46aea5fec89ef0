#include "common/access/jwt.h"

#include "common/access/base64url.h"
#include "common/access/strict_json.h"
#include "common/base/check.h"

#include <string.h>
#include <strings.h>

/* The end of the year 9999. */
#define SECONDS_MOST INT64_C(253402300799)

enum { HEADER, PAYLOAD, SIGNATURE, PARTS };

struct part {
	const char *s;
	size_t len;
};

/* There are just two dots: a part before each, and one behind them. */
static bool split(const char *token, size_t len, struct part out[PARTS])
{
	const char *end = token + len;
	for (int i = 0; i < PARTS; i++) {
		const char *dot = memchr(token, '.', (size_t)(end - token));
		if ((dot == NULL) != (i == SIGNATURE))
			return false;
		out[i].s = token;
		out[i].len = (size_t)((dot ? dot : end) - token);
		token = dot ? dot + 1 : end;
	}
	return true;
}

/* Reads a part that is a JSON object; `otherwise`: the fault if it is none. */
static enum jwt_fault read_object(
    struct part p, enum jwt_fault otherwise, json_t **out)
{
	struct strict_json_fault fault = {0};
	struct buf text = {0};
	enum jwt_fault result = JWT_ENCODING;
	if (base64url_decode(&text, p.s, p.len)) {
		*out = strict_json_parse(text.data, text.len, &fault);
		result = *out		   ? JWT_OK
			 : fault.duplicate ? JWT_DUPLICATE
					   : otherwise;
	}
	buf_free(&text);
	return result;
}

/* --- header -------------------------------------------------------------- */

static enum jwt_fault check_alg(const json_t *header, enum jwk_alg *alg)
{
	const char *name = json_string_value(json_object_get(header, "alg"));
	if (name == NULL)
		return JWT_HEADER;
	if (strcasecmp(name, "none") == 0)
		return JWT_ALG_NONE;
	return jwk_alg_parse(name, alg) ? JWT_OK : JWT_ALG_UNKNOWN;
}

/* A media type, of which `application/` may be left out (RFC 7515, 4.1.9; RFC
 * 9068, 4). */
static bool check_typ(const json_t *typ)
{
	static const char prefix[] = "application/";
	const char *s = json_string_value(typ);
	if (typ == NULL)
		return true;
	if (s == NULL)
		return false;
	if (strncasecmp(s, prefix, sizeof prefix - 1) == 0)
		s += sizeof prefix - 1;
	return strcasecmp(s, "JWT") == 0 || strcasecmp(s, "at+jwt") == 0;
}

static bool has_own_key(const json_t *header)
{
	static const char *const names[] = {"jwk", "jku", "x5u", "x5c"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (json_object_get(header, names[i]))
			return true;
	}
	return false;
}

/* b64 needs crit (RFC 7797, 6); without it, readers disagree about the payload.
 */
static enum jwt_fault check_header(const json_t *header, enum jwk_alg *alg)
{
	const json_t *kid = json_object_get(header, "kid");
	enum jwt_fault fault = check_alg(header, alg);
	if (fault != JWT_OK)
		return fault;
	if (!check_typ(json_object_get(header, "typ")))
		return JWT_TYP;
	if (json_object_get(header, "crit"))
		return JWT_CRIT;
	if (json_object_get(header, "b64"))
		return JWT_UNENCODED;
	if (has_own_key(header))
		return JWT_EMBEDDED_KEY;
	return kid && !json_is_string(kid) ? JWT_HEADER : JWT_OK;
}

static enum jwt_fault find_key(const struct jwks *keys, const json_t *header,
    enum jwk_alg alg, const struct jwk **out)
{
	static const enum jwt_fault faults[] = {
	    [JWKS_FOUND] = JWT_OK,
	    [JWKS_UNKNOWN] = JWT_KEY_UNKNOWN,
	    [JWKS_OTHER_ALG] = JWT_KEY_OTHER_ALG,
	    [JWKS_AMBIGUOUS] = JWT_KEY_AMBIGUOUS,
	};
	const char *kid = json_string_value(json_object_get(header, "kid"));
	return faults[jwks_find(keys, kid, alg, out)];
}

/* --- signature ----------------------------------------------------------- */

static enum jwt_fault check_signature(
    const struct part parts[PARTS], const struct jwk *key, enum jwk_alg alg)
{
	struct buf signature = {0};
	const struct part *p = &parts[PAYLOAD], *s = &parts[SIGNATURE];
	size_t len = (size_t)(p->s + p->len - parts[HEADER].s);
	enum jwt_fault fault = JWT_ENCODING;
	if (base64url_decode(&signature, s->s, s->len))
		fault =
		    jwk_verify(key, alg, parts[HEADER].s, len,
			(const unsigned char *)signature.data, signature.len)
			? JWT_OK
			: JWT_SIGNATURE;
	buf_free(&signature);
	return fault;
}

/* --- claims -------------------------------------------------------------- */

/* A NumericDate (RFC 7519, 2), whole or not. */
static bool read_date(const json_t *v, wall_us_t *out)
{
	if (json_is_integer(v)) {
		json_int_t n = json_integer_value(v);
		*out =
		    (wall_us_t)(n >= 0 && n <= SECONDS_MOST ? n : 0) * 1000000;
		return n >= 0 && n <= SECONDS_MOST;
	}
	double d = json_is_real(v) ? json_real_value(v) : -1;
	if (!(d >= 0 && d <= (double)SECONDS_MOST))
		return false;
	*out = (wall_us_t)(d * 1e6);
	return true;
}

/* At exp + leeway the token has expired; at nbf - leeway it is valid. */
static enum jwt_fault check_dates(const json_t *claims,
    const struct jwt_policy *policy, wall_us_t now, wall_us_t *expires)
{
	const json_t *exp = json_object_get(claims, "exp");
	const json_t *nbf = json_object_get(claims, "nbf");
	const json_t *iat = json_object_get(claims, "iat");
	wall_us_t until = 0, from = 0, issued = 0;
	if (exp == NULL)
		return JWT_EXP_MISSING;
	if (!read_date(exp, &until) || (nbf && !read_date(nbf, &from)) ||
	    (iat && !read_date(iat, &issued)))
		return JWT_CLAIM;
	*expires = until + policy->leeway;
	if (now >= *expires)
		return JWT_EXPIRED;
	if (now < from - policy->leeway)
		return JWT_NOT_YET;
	return issued > now + policy->leeway ? JWT_IN_FUTURE : JWT_OK;
}

static bool is_text(const json_t *v, const char *text)
{
	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

static enum jwt_fault check_audience(const json_t *aud, const char *audience)
{
	enum jwt_fault fault = JWT_AUDIENCE;
	const json_t *one;
	size_t i;
	if (aud == NULL)
		return JWT_AUDIENCE;
	if (json_is_string(aud))
		return is_text(aud, audience) ? JWT_OK : JWT_AUDIENCE;
	if (!json_is_array(aud))
		return JWT_CLAIM;
	json_array_foreach(aud, i, one)
	{
		if (!json_is_string(one))
			return JWT_CLAIM;
		if (is_text(one, audience))
			fault = JWT_OK;
	}
	return fault;
}

static enum jwt_fault check_claims(const json_t *claims,
    const struct jwt_policy *policy, wall_us_t now, wall_us_t *expires)
{
	const json_t *sub = json_object_get(claims, "sub");
	const json_t *iss = json_object_get(claims, "iss");
	if ((sub && !json_is_string(sub)) || (iss && !json_is_string(iss)))
		return JWT_CLAIM;
	if (!is_text(iss, policy->issuer))
		return JWT_ISSUER;
	enum jwt_fault fault =
	    check_audience(json_object_get(claims, "aud"), policy->audience);
	return fault == JWT_OK ? check_dates(claims, policy, now, expires)
			       : fault;
}

/* ------------------------------------------------------------------------- */

static enum jwt_fault verify_parts(
    const struct part parts[PARTS], const struct jwks *keys)
{
	json_t *header = NULL;
	const struct jwk *key = NULL;
	enum jwk_alg alg = JWK_ALGS;
	enum jwt_fault fault = read_object(parts[HEADER], JWT_HEADER, &header);
	if (fault == JWT_OK)
		fault = check_header(header, &alg);
	if (fault == JWT_OK)
		fault = find_key(keys, header, alg, &key);
	if (fault == JWT_OK)
		fault = check_signature(parts, key, alg);
	json_decref(header);
	return fault;
}

enum jwt_fault jwt_verify(const char *token, size_t len,
    const struct jwks *keys, const struct jwt_policy *policy, wall_us_t now,
    struct jwt *out)
{
	struct part parts[PARTS];
	*out = (struct jwt){0};
	if (len > JWT_LENGTH_MOST)
		return JWT_TOO_LONG;
	if (!split(token, len, parts))
		return JWT_PARTS;
	enum jwt_fault fault = verify_parts(parts, keys);
	if (fault == JWT_OK)
		fault = read_object(parts[PAYLOAD], JWT_PAYLOAD, &out->claims);
	if (fault == JWT_OK)
		fault = check_claims(out->claims, policy, now, &out->expires);
	if (fault != JWT_OK)
		jwt_free(out);
	return fault;
}

void jwt_free(struct jwt *t)
{
	json_decref(t->claims);
	*t = (struct jwt){0};
}

/* --- faults -------------------------------------------------------------- */

static const struct {
	const char *name, *text;
} fault_rows[] = {
    [JWT_OK] = {"", ""},
#define JWT_FAULT(id, name, text) [id] = {name, text},
#include "common/access/jwt.def"
#undef JWT_FAULT
};

const char *jwt_fault_name(enum jwt_fault fault)
{
	CHECK(fault > JWT_OK && fault < JWT_FAULTS);
	return fault_rows[fault].name;
}

const char *jwt_fault_text(enum jwt_fault fault)
{
	CHECK(fault > JWT_OK && fault < JWT_FAULTS);
	return fault_rows[fault].text;
}
