#include "api/settings.h"

#include "common/pg.h"

const struct setting api_setting_rows[] = {
#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct api_settings, kind, field, name, def, allowed,      \
	    aliases, help)
#include "api/settings.def"
#undef SETTING
};
const size_t api_setting_count =
    sizeof api_setting_rows / sizeof api_setting_rows[0];

struct err api_settings_check(const struct config *c)
{
	const struct api_settings *s = c->settings;
	if (s->pool_min > s->pool_max)
		return err_make(VERDICT_FATAL, "config",
		    "setting 'pool.min_size' has the bad value '%lld'; "
		    "allowed: at most pool.max_size, which is %lld",
		    (long long)s->pool_min, (long long)s->pool_max);
	if (s->replica_urls[0] == '\0')
		return ERR_OK;
	return pg_check_url("replica.urls", s->replica_urls);
}
