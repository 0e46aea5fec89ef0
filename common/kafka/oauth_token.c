/* librdkafka calls back on a thread of its own (kafka_new): reading a file must
 * not stop a loop. */
#include "common/kafka/oauth_token.h"

#include "common/access/base64url.h"
#include "common/access/small_file.h"
#include "common/base/buf.h"
#include "common/base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_MAX = 64 * 1024, OPAQUE_LIFE_S = 300 };

static struct err oauth_token_bad(const char *why)
{
	return err_make(ERR_KIND_FATAL, "oauth", "the token %s", why);
}

/* The characters of a token (RFC 6750, 2.1). */
static bool oauth_token_is_token(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~+/=";
	return *s && s[strspn(s, allowed)] == '\0';
}

/* The claims of a JWT, owned; NULL: it is none. */
static json_t *claims_of(const char *token)
{
	const char *payload = strchr(token, '.');
	const char *end = payload ? strchr(payload + 1, '.') : NULL;
	struct buf bytes = {0};
	json_t *claims = NULL;
	if (end &&
	    base64url_decode(&bytes, payload + 1, (size_t)(end - payload - 1)))
		claims = json_loadb(
		    bytes.data ? bytes.data : "", bytes.len, 0, NULL);
	buf_free(&bytes);
	return claims;
}

struct err oauth_token_parse(
    const char *token, wall_us_t now, struct oauth_token *out)
{
	*out = (struct oauth_token){
	    .until = now + CLOCK_S(OPAQUE_LIFE_S), .principal = "sluice"};
	if (!oauth_token_is_token(token))
		return oauth_token_bad(
		    "has bytes that no token has, or is empty");
	json_t *claims = claims_of(token);
	const json_t *exp = json_object_get(claims, "exp");
	const char *sub = json_string_value(json_object_get(claims, "sub"));
	double until = json_is_number(exp) ? json_number_value(exp) : 0;
	if (sub && *sub)
		snprintf(out->principal, sizeof out->principal, "%s", sub);
	/* Beyond the year 9999, it is no time. */
	if (until > 0 && until < 253402300800.0)
		out->until = (wall_us_t)(until * 1e6);
	json_decref(claims);
	return out->until > now ? ERR_OK : oauth_token_bad("has expired");
}

static struct err give_token(rd_kafka_t *rk, const struct buf *text)
{
	char why[256];
	struct oauth_token t;
	struct err e =
	    oauth_token_parse(text->data ? text->data : "", clock_wall(), &t);
	if (e.kind == ERR_KIND_OK &&
	    rd_kafka_oauthbearer_set_token(rk, text->data, t.until / 1000,
		t.principal, NULL, 0, why,
		sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
		e = err_make(ERR_KIND_FATAL, "oauth", "%s", why);
	return e;
}

static void on_refresh(rd_kafka_t *rk, const char *path, void *opaque)
{
	struct buf text = {0};
	(void)opaque;
	struct err e = small_file_read(path, TOKEN_MAX, &text);
	while (text.len && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (e.kind == ERR_KIND_OK)
		e = give_token(rk, &text);
	if (e.kind != ERR_KIND_OK) {
		log_event(EV_KAFKA_TOKEN, "file=%s error=%s", log_quote(path),
		    log_quote(e.msg));
		rd_kafka_oauthbearer_set_token_failure(rk, e.msg);
	}
	if (text.len)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
}

struct err oauth_token_use(rd_kafka_conf_t *conf, const char *path)
{
	char why[256];
	rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_refresh);
	rd_kafka_conf_enable_sasl_queue(conf, 1);
	if (rd_kafka_conf_set(conf, "sasl.oauthbearer.config", path, why,
		sizeof why) != RD_KAFKA_CONF_OK)
		return err_make(ERR_KIND_FATAL, "config", "%s", why);
	return ERR_OK;
}
