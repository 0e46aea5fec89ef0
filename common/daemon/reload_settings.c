#include "common/daemon/reload_settings.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin_token.h"
#include "common/daemon/config_family.h"
#include "common/daemon/config_priv.h"
#include "common/daemon/daemon.h"
#include "common/kafka/kafka.h"
#include "common/net/renewal.h"
#include "common/postgres/pg.h"
#include "common/redis/redis.h"
#include "common/schema/collection.h"
#include "common/sql/sql_relation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* URLs of servers, and the token that goes to other daemons. A new URL must
 * lead to the same data. */
static const struct server {
	const char *setting;
	struct err (*same)(
	    const char *setting, const char *first, const char *now);
} servers[] = {
    {"primary.url", pg_check_renewal},
    {"replica.urls", pg_check_renewal},
    {"redis.url", redis_check_renewal},
    {"admin.token", admin_token_check_renewal},
};
enum { SERVERS = sizeof servers / sizeof *servers };

struct watched {
	struct reload_settings *all;
	const struct server *server;
	char *present;
};

struct reload_settings {
	struct reload_collections collections;
	const struct config *first; /* what the daemon started with */
	struct config now;	    /* what was read last; valid if `read` */
	void *memory;
	bool read;
	char *level;
	struct watched urls[SERVERS];
	size_t nurls;
};

/* --- reading ------------------------------------------------------------- */

/* The size of the struct that the rows describe. */
static size_t settings_size(const struct config *c)
{
	size_t size = 0;
	for (size_t i = 0; i < config_row_count(c); i++) {
		size_t end = config_row_at(c, i)->offset + sizeof(int64_t);
		size = end > size ? end : size;
	}
	return size;
}

static void drop_now(struct reload_settings *s)
{
	if (s->memory)
		config_free(&s->now);
	free(s->memory);
	s->memory = NULL;
	s->read = false;
}

static bool is_live(const char *name)
{
	for (size_t i = 0; i < SERVERS; i++) {
		if (strcmp(servers[i].setting, name) == 0)
			return true;
	}
	return strcmp(name, "log.level") == 0 ||
	       strcmp(name, "kafka.sasl.oauthbearer.token") == 0;
}

static void add_name(struct buf *out, const char *prefix, const char *name)
{
	buf_printf(out, "%s%s%s", out->len ? ", " : "", prefix, name);
}

/* Appends the members that are new in `b`, or have another value there. */
static void add_changed(const struct config_family *a,
    const struct config_family *b, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct kafka_property *now = &b->all[i];
		const struct kafka_property *was =
		    config_family_find(a, now->name);
		if (was == NULL || strcmp(was->value, now->value) != 0)
			add_name(out, prefix, now->name);
	}
	for (size_t i = 0; i < a->n; i++) {
		if (config_family_find(b, a->all[i].name) == NULL)
			add_name(out, prefix, a->all[i].name);
	}
}

/* Appends the names of the settings whose new values wait for a restart. */
static void add_waiting(const struct reload_settings *s, struct buf *out)
{
	const struct config *a = s->first, *b = &s->now;
	for (size_t i = 0; i < config_row_count(a); i++) {
		const struct setting *row = config_row_at(a, i);
		if (!is_live(row->name) &&
		    !setting_equal(row, a->settings, b->settings))
			add_name(out, "", row->name);
	}
	add_changed(&a->kafka, &b->kafka, "kafka.", out);
	add_changed(&a->limits, &b->limits, "limit.", out);
}

static struct err read_settings(void *arg, bool *changed)
{
	struct reload_settings *s = arg;
	struct buf waiting = {0};
	(void)changed;
	drop_now(s);
	s->memory = mem_zalloc(settings_size(s->first));
	config_init(&s->now, s->memory, s->first->rows, s->first->nrows);
	s->now.has_limits = s->first->has_limits;
	struct err e = daemon_load_again(&s->now);
	s->read = e.kind == ERR_KIND_OK;
	if (s->read)
		add_waiting(s, &waiting);
	if (waiting.len)
		e = err_make(ERR_KIND_FATAL, "config",
		    "only a restart takes the new value of %s", waiting.data);
	buf_free(&waiting);
	return e;
}

/* --- what a running daemon takes ----------------------------------------- */

static void replace_text(char **text, const char *now)
{
	free(*text);
	*text = mem_strdup(now);
}

static struct err reload_level(void *arg, bool *changed)
{
	struct reload_settings *s = arg;
	const char *now = s->read ? config_text(&s->now, "log.level") : NULL;
	enum log_level level;
	if (now == NULL || strcmp(now, s->level) == 0 ||
	    !log_level_parse(now, &level))
		return ERR_OK;
	*changed = true;
	replace_text(&s->level, now);
	log_set_level(level);
	return ERR_OK;
}

/* --- collections --------------------------------------------------------- */

static const struct {
	enum collection_change change;
	const char *word;  /* of collection.kept */
	const char *title; /* of the error */
} changes[] = {
    {COLLECTION_GONE, "gone", "gone"},
    {COLLECTION_RESHAPED, "shape", "with another shape"},
    {COLLECTION_CHANGED, "changed", "changed"},
};

/* Logs the collections that differ in this way; appends `title: a, b`. */
static void keep_changed(
    const struct collections_diff *diff, size_t change, struct buf *out)
{
	const struct collection *c;
	const char *between = NULL;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (collections_diff_change(diff, i) != changes[change].change)
			continue;
		log_event(EV_COLLECTION_KEPT, "collection=%s why=%s", c->name,
		    changes[change].word);
		if (between == NULL)
			buf_printf(out, "%s%s: ", out->len ? "; " : "",
			    changes[change].title);
		buf_printf(out, "%s%s", between ? between : "", c->name);
		between = ", ";
	}
}

static const struct collection *diff_at(void *arg, size_t i)
{
	return collections_diff_at(arg, i);
}

static void take_collections(
    const struct reload_settings *s, struct collections_diff *diff)
{
	const struct reload_collections *d = &s->collections;
	const struct collection *c;
	size_t used = 0;
	while (collection_at(used))
		used++;
	for (size_t i = used; (c = collections_diff_at(diff, i)); i++) {
		log_event(EV_COLLECTION_ADDED,
		    "collection=%s shape=%016" PRIx64, c->name, c->shape);
		if (d->begins)
			d->begins(d->arg, c);
	}
	collections_add(diff);
	if (d->taken)
		d->taken(d->arg);
}

/* New ones are taken, even if others have changed. Statements, floors and
 * queues have what depends on the declarations in use, so these stay. */
static struct err reload_collections(void *arg, bool *changed)
{
	const struct reload_settings *s = arg;
	struct collections_diff *diff;
	struct buf kept = {0};
	struct err e = collections_compare(
	    config_text(s->first, "collections.dir"), &diff);
	if (e.kind == ERR_KIND_OK)
		e = sql_relation_check(diff_at, diff);
	if (e.kind != ERR_KIND_OK) {
		collections_diff_free(&diff);
		return e;
	}
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		keep_changed(diff, i, &kept);
	*changed = collections_diff_count(diff) > 0;
	if (*changed)
		take_collections(s, diff);
	if (kept.len)
		e = err_make(ERR_KIND_FATAL, "collections",
		    "only a restart takes the new declarations (%s)",
		    kept.data);
	buf_free(&kept);
	collections_diff_free(&diff);
	return e;
}

/* --- servers ------------------------------------------------------------- */

/* If two settings had the same text at the start, their connections cannot be
 * told apart. */
static struct err check_twins(
    const struct reload_settings *s, const char *name, const char *now)
{
	const char *first = config_text(s->first, name);
	for (size_t i = 0; i < s->nurls; i++) {
		const char *other = s->urls[i].server->setting;
		if (strcmp(config_text(s->first, other), first) == 0 &&
		    strcmp(config_text(&s->now, other), now) != 0)
			return err_make(ERR_KIND_FATAL, "config",
			    "%s and %s were the same at the start and are not "
			    "now: restart the daemon",
			    name, other);
	}
	return ERR_OK;
}

static struct err reload_url(void *arg, bool *changed)
{
	struct watched *w = arg;
	const struct reload_settings *s = w->all;
	const char *name = w->server->setting;
	if (!s->read)
		return ERR_OK;
	const char *now = config_text(&s->now, name);
	if (strcmp(now, w->present) == 0)
		return ERR_OK;
	const char *first = config_text(s->first, name);
	struct err e = w->server->same(name, first, now);
	if (e.kind == ERR_KIND_OK)
		e = check_twins(s, name, now);
	if (e.kind != ERR_KIND_OK)
		return e;
	*changed = true;
	replace_text(&w->present, now);
	renewal_set(first, now);
	return ERR_OK;
}

/* --- life ---------------------------------------------------------------- */

static void watch_url(
    struct reload *r, struct reload_settings *s, const struct server *server)
{
	struct watched *w = &s->urls[s->nurls++];
	*w = (struct watched){
	    s, server, mem_strdup(config_text(s->first, server->setting))};
	reload_add(r, server->setting, reload_url, w);
}

struct reload_settings *reload_settings_new(struct reload *r,
    const struct config *config, const struct reload_collections *c)
{
	struct reload_settings *s = MEM_NEW(struct reload_settings);
	s->first = config;
	s->collections = *c;
	s->level = mem_strdup(config_text(config, "log.level"));
	reload_add(r, "settings", read_settings, s);
	reload_add(r, "log.level", reload_level, s);
	reload_add(r, "collections", reload_collections, s);
	for (size_t i = 0; i < SERVERS; i++) {
		if (config_has(config, servers[i].setting))
			watch_url(r, s, &servers[i]);
	}
	return s;
}

void reload_settings_free(struct reload_settings **sp)
{
	struct reload_settings *s = *sp;
	if (s == NULL)
		return;
	drop_now(s);
	for (size_t i = 0; i < s->nurls; i++)
		free(s->urls[i].present);
	free(s->level);
	free(s);
	*sp = NULL;
}
