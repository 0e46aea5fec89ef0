#include "api/core/settings.h"

#include "api/access/credentials_options.h"
#include "api/http/cors.h"
#include "api/limits/clients.h"
#include "common/http/origin_check.h"
#include "common/postgres/pg.h"

#include <string.h>

const struct setting api_setting_rows[] = {
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct api_settings, kind, field, name, def, allowed,      \
	    aliases, help)
#include "api/core/settings.def"
#undef SETTING
};
const size_t api_setting_count =
    sizeof api_setting_rows / sizeof api_setting_rows[0];

static struct err check_budget(
    const char *name, int64_t budget, const char *largest_name, int64_t largest)
{
	if (budget / 2 >= largest)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has the bad value '%lld'; allowed: at least twice "
	    "%s, which is %lld",
	    name, (long long)budget, largest_name, (long long)largest);
}

/* The largest single piece must fit into its budget. */
static struct err check_budgets(const struct api_settings *s)
{
	struct err e = check_budget(
	    "http.body_budget", s->body_budget, "http.max_item", s->max_item);
	if (e.kind != ERR_KIND_OK)
		return e;
	return check_budget("http.answer_budget", s->answer_budget,
	    "list.max_bytes", s->list_bytes);
}

struct credentials_options api_settings_credentials(
    const struct api_settings *s)
{
	return (struct credentials_options){
	    .keys = s->auth_keys,
	    .jwks = s->jwt_jwks,
	    .ca = s->jwt_ca,
	    .issuer = s->jwt_issuer,
	    .audience = s->jwt_audience,
	    .roles = s->jwt_roles,
	    .subject = s->jwt_subject,
	    .leeway = s->jwt_leeway,
	};
}

static struct err check_credentials(const struct api_settings *s)
{
	const struct credentials_options o = api_settings_credentials(s);
	return credentials_options_check(&o);
}

/* The names of the listener, and the pages that may send requests. */
static struct err check_pages(const struct api_settings *s)
{
	if (!origin_check_check_hosts(s->hosts))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'http.hosts' has the bad value '%s'; allowed: "
		    "comma-separated names without ports",
		    s->hosts);
	if (!cors_check(s->cors_origins))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'cors.origins' has the bad value '%s'; allowed: "
		    "comma-separated origins as browsers send them "
		    "(https://app.example:8443), or *",
		    s->cors_origins);
	return ERR_OK;
}

struct err api_settings_check(const struct config *c)
{
	const struct api_settings *s = c->settings;
	if (s->pool_min > s->pool_max)
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'pool.min_size' has the bad value '%lld'; "
		    "allowed: at most pool.max_size, which is %lld",
		    (long long)s->pool_min, (long long)s->pool_max);
	if (!clients_check(s->proxies))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'http.proxies' has the bad value '%s'; allowed: "
		    "comma-separated addresses and networks (10.0.0.7, "
		    "10.0.0.0/8)",
		    s->proxies);
	struct err e = check_pages(s);
	if (e.kind == ERR_KIND_OK)
		e = check_budgets(s);
	if (e.kind == ERR_KIND_OK)
		e = check_credentials(s);
	if (e.kind != ERR_KIND_OK || s->replica_urls[0] == '\0')
		return e;
	return pg_check_url("replica.urls", s->replica_urls);
}

struct tls_server_options api_settings_tls(const struct api_settings *s)
{
	return (struct tls_server_options){
	    .name = "tls",
	    .cert = s->tls_cert,
	    .key = s->tls_key,
	    .client_ca = s->tls_client_ca,
	    .only_13 = strcmp(s->tls_min_version, "1.3") == 0,
	};
}

struct err api_settings_check_files(const struct config *c)
{
	const struct api_settings *s = c->settings;
	const struct tls_server_options tls = api_settings_tls(s);
	const struct credentials_options credentials =
	    api_settings_credentials(s);
	struct err e = tls_server_check_files(&tls);
	return e.kind == ERR_KIND_OK
		   ? credentials_options_check_files(&credentials)
		   : e;
}
