#include "api/access/credentials_options.h"

#include "api/access/jwks_url.h"
#include "common/access/api_keys.h"
#include "common/access/json_pointer.h"
#include "common/access/jwks.h"
#include "common/access/small_file.h"

enum { CA_BYTES_MOST = 8 << 20 };

static struct err named(const char *name, struct err e)
{
	return e.kind == ERR_KIND_OK ? e
				     : err_make(e.kind, "config",
					   "setting '%s': %s", name, e.msg);
}

static struct err check_needed(const char *name, const char *value)
{
	if (*value)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s': must be set, since auth.jwt.jwks is", name);
}

static struct err check_path(const char *name, const char *value)
{
	if (json_pointer_path_valid(value))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has the bad value '%s'; allowed: the name of a "
	    "claim, or a JSON Pointer that begins with / (~ only in ~0 and ~1)",
	    name, value);
}

struct err credentials_options_check(const struct credentials_options *o)
{
	enum web_place place;
	struct err e = check_path("auth.jwt.roles", o->roles);
	if (e.kind == ERR_KIND_OK)
		e = check_path("auth.jwt.subject", o->subject);
	if (e.kind != ERR_KIND_OK || *o->jwks == '\0')
		return e;
	e = check_needed("auth.jwt.issuer", o->issuer);
	if (e.kind == ERR_KIND_OK)
		e = check_needed("auth.jwt.audience", o->audience);
	return e.kind == ERR_KIND_OK ? jwks_url_check(o->jwks, &place) : e;
}

/* --- files --------------------------------------------------------------- */

static struct err check_jwks(const char *from)
{
	enum web_place place;
	struct jwks *set = NULL;
	if (*from == '\0')
		return ERR_OK;
	struct err e = jwks_url_check(from, &place);
	if (e.kind == ERR_KIND_OK && place == WEB_NOWHERE)
		e = named("auth.jwt.jwks", jwks_load(from, &set));
	jwks_release(&set);
	return e;
}

static struct err check_ca(const char *path)
{
	struct buf text = {0};
	if (*path == '\0')
		return ERR_OK;
	struct err e =
	    named("auth.jwt.ca", small_file_read(path, CA_BYTES_MOST, &text));
	buf_free(&text);
	return e;
}

static struct err check_keys(const char *path)
{
	struct api_keys *keys = NULL;
	if (*path == '\0')
		return ERR_OK;
	struct err e = named("auth.keys", api_keys_load(path, false, &keys));
	api_keys_release(&keys);
	return e;
}

struct err credentials_options_check_files(const struct credentials_options *o)
{
	struct err e = check_keys(o->keys);
	if (e.kind == ERR_KIND_OK)
		e = check_ca(o->ca);
	return e.kind == ERR_KIND_OK ? check_jwks(o->jwks) : e;
}
