#include "common/daemon/admin_token.h"

#include "common/http/listener.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SCHEME "Bearer"

static bool admin_token_has_form(const char *token)
{
	size_t len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		if (token[i] <= ' ' || token[i] > '~')
			return false;
	}
	return len >= ADMIN_TOKEN_MIN;
}

static struct err admin_token_malformed(void)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'admin.token' has a bad value; allowed: at least %d "
	    "visible ASCII characters, without blanks",
	    ADMIN_TOKEN_MIN);
}

struct err admin_token_check(const char *listen, const char *token)
{
	if (*token)
		return admin_token_has_form(token) ? ERR_OK
						   : admin_token_malformed();
	if (listener_is_loopback(listen))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "admin.listen is %s, which others can reach, and admin.token is "
	    "not set; set admin.token, or let admin.listen be a loopback "
	    "address",
	    listen);
}

struct err admin_token_check_renewal(
    const char *setting, const char *first, const char *now)
{
	if ((*first == '\0') != (*now == '\0'))
		return err_make(ERR_KIND_FATAL, "config",
		    "only a restart can %s %s", *now ? "add" : "remove",
		    setting);
	return *now == '\0' || admin_token_has_form(now)
		   ? ERR_OK
		   : admin_token_malformed();
}

/* The digests have the same length, whatever the texts have. */
static bool admin_token_same(const char *a, size_t alen, const char *b)
{
	unsigned char x[SHA256_DIGEST_LENGTH], y[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)a, alen, x);
	SHA256((const unsigned char *)b, strlen(b), y);
	return CRYPTO_memcmp(x, y, sizeof x) == 0;
}

bool admin_token_is_shown(const char *authorization, const char *token)
{
	size_t scheme = strlen(SCHEME);
	if (authorization == NULL ||
	    strncasecmp(authorization, SCHEME, scheme) != 0 ||
	    authorization[scheme] != ' ')
		return false;
	const char *shown = authorization + scheme;
	shown += strspn(shown, " ");
	size_t len = strlen(shown);
	while (len && strchr(" \t", shown[len - 1]))
		len--;
	return admin_token_same(shown, len, token);
}
