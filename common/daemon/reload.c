#include "common/daemon/reload.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/audit.h"

#include <stdlib.h>
#include <string.h>

struct thing {
	const char *name;
	reload_fn read;
	void *arg;
	struct err last; /* of the last reload; OK: it was taken */
};

struct reload {
	struct reload_counters m;
	struct thing *things;
	size_t n;
};

struct reload *reload_new(struct reload_counters m)
{
	struct reload *r = MEM_NEW(struct reload);
	r->m = m;
	return r;
}

void reload_add(struct reload *r, const char *name, reload_fn read, void *arg)
{
	r->things = mem_realloc(r->things, (r->n + 1) * sizeof *r->things);
	r->things[r->n++] = (struct thing){name, read, arg, ERR_OK};
}

/* Appends the name to *done if there was something new. */
static void reload_one(struct reload *r, struct thing *t, struct buf *done)
{
	bool changed = false;
	t->last = t->read(t->arg, &changed);
	if (t->last.kind != ERR_KIND_OK) {
		metric_add(r->m.failed, 1);
		log_event(EV_RELOAD_FAILED, "name=%s error=%s", t->name,
		    log_quote(t->last.msg));
	} else {
		metric_add(changed ? r->m.done : r->m.unchanged, 1);
	}
	if (changed)
		buf_printf(done, "%s%s", done->len ? "," : "", t->name);
}

static size_t count_stale(const struct reload *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		n += r->things[i].last.kind != ERR_KIND_OK;
	return n;
}

void reload_all(struct reload *r)
{
	struct buf done = {0};
	for (size_t i = 0; i < r->n; i++)
		reload_one(r, &r->things[i], &done);
	size_t stale = count_stale(r);
	metric_set(r->m.stale, (int64_t)stale);
	const struct audit a = {
	    .subject = "", .kind = "signal", .method = "SIGHUP", .request = ""};
	audit_acted(&a);
	log_event(EV_RELOAD, "reloaded=%s failed=%zu",
	    done.len ? done.data : "none", stale);
	buf_free(&done);
}

void reload_notes(const struct reload *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct thing *t = &r->things[i];
		if (t->last.kind != ERR_KIND_OK)
			buf_printf(out,
			    "note: the reload of %s failed, the former one is "
			    "in use: %.*s\n",
			    t->name, (int)strcspn(t->last.msg, "\n"),
			    t->last.msg);
	}
}

void reload_free(struct reload **rp)
{
	struct reload *r = *rp;
	if (r == NULL)
		return;
	free(r->things);
	free(r);
	*rp = NULL;
}
