#include "api/access/rate_limit.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4 };
#define NS_PER_US INT64_C(1000)
#define NS_PER_S INT64_C(1000000000)
#define COUNT_MAX INT64_C(1000000000)
#define FILL_MAX_S INT64_C(86400)

/* --- the setting --------------------------------------------------------- */

/* The number at *s, which it moves on; 0: none, or it is too large. */
static int64_t rate_number(const char **s)
{
	int64_t n = 0;
	while (**s >= '0' && **s <= '9' && n <= COUNT_MAX)
		n = n * 10 + (*(*s)++ - '0');
	return n <= COUNT_MAX ? n : 0;
}

static dur_us_t rate_period(char letter)
{
	switch (letter) {
	case 's':
		return CLOCK_S(1);
	case 'm':
		return CLOCK_S(60);
	case 'h':
		return CLOCK_S(3600);
	default:
		return 0;
	}
}

bool rate_parse(const char *text, struct rate *out)
{
	static const char burst[] = "burst ";
	const char *s = text;
	*out = (struct rate){.none = strcmp(text, "none") == 0};
	if (out->none)
		return true;
	out->count = out->burst = rate_number(&s);
	if (out->count == 0 || *s++ != '/' || *s == '\0')
		return false;
	out->per = rate_period(*s++);
	size_t blanks = strspn(s, " ");
	s += blanks;
	if (blanks && strncmp(s, burst, strlen(burst)) == 0) {
		s += strlen(burst);
		s += strspn(s, " ");
		out->burst = rate_number(&s);
	}
	return out->per > 0 && *s == '\0' && out->burst > 0 &&
	       (double)out->burst * (double)out->per <=
		   (double)out->count * (double)CLOCK_S(FILL_MAX_S);
}

/* --- roles --------------------------------------------------------------- */

static bool rate_is_common(const char *role)
{
	return strcmp(role, ROLE_ANONYMOUS) == 0 ||
	       strcmp(role, ROLE_AUTHENTICATED) == 0;
}

static void rate_divide(struct rate_limit *l, size_t threads)
{
	int64_t n = (int64_t)threads;
	if (l->rate.none)
		return;
	l->burst = (l->rate.burst + n - 1) / n;
	double step = (double)(l->rate.per * NS_PER_US) * (double)n /
		      (double)l->rate.count;
	l->step_ns = step < 1 ? 1 : (int64_t)step;
}

struct err rate_limits_add(
    struct rate_limits *l, const char *role, const char *text, size_t threads)
{
	struct rate_limit one = {0};
	size_t len = strlen(role);
	if (!rate_parse(text, &one.rate))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'limit.%s' has the bad value '%s'; "
		    "allowed: " RATE_ALLOWED,
		    role, text);
	bool named = role_name_valid(role, len) && len < sizeof one.role &&
		     !rate_is_common(role);
	if (named)
		one.set = roles_find(role, len);
	if (one.set == 0 && !rate_is_common(role))
		return err_make(ERR_KIND_FATAL, "config",
		    "setting 'limit.%s': no collection and no setting grants "
		    "anything to the role %s",
		    role, role);
	snprintf(one.role, sizeof one.role, "%s", role);
	rate_divide(&one, threads);
	l->all = mem_realloc(l->all, (l->n + 1) * sizeof *l->all);
	l->all[l->n++] = one;
	return ERR_OK;
}

void rate_limits_free(struct rate_limits *l)
{
	free(l->all);
	*l = (struct rate_limits){0};
}

static bool rate_concerns(
    const struct rate_limit *l, role_set roles, bool anonymous)
{
	if (l->set)
		return l->set & roles;
	return anonymous == (strcmp(l->role, ROLE_ANONYMOUS) == 0);
}

static bool rate_is_more(const struct rate_limit *a, const struct rate_limit *b)
{
	if (a->rate.none || b->rate.none)
		return a->rate.none;
	return a->step_ns != b->step_ns ? a->step_ns < b->step_ns
					: a->burst > b->burst;
}

const struct rate_limit *rate_limits_of(
    const struct rate_limits *l, role_set roles, bool anonymous)
{
	const struct rate_limit *best = NULL;
	for (size_t i = 0; i < l->n; i++) {
		if (rate_concerns(&l->all[i], roles, anonymous) &&
		    (best == NULL || rate_is_more(&l->all[i], best)))
			best = &l->all[i];
	}
	return best && best->rate.none ? NULL : best;
}

/* --- buckets ------------------------------------------------------------- */

struct rate_bucket {
	struct rate_key key;
	int64_t
	    full_ns; /* when it is full, on the monotonic clock; 0: unused */
};

struct rate_table {
	size_t sets;
	struct rate_bucket buckets[];
};

struct rate_table *rate_table_new(size_t sets)
{
	CHECK(sets > 0 && (sets & (sets - 1)) == 0);
	struct rate_table *t =
	    mem_zalloc(sizeof *t + sets * WAYS * sizeof t->buckets[0]);
	t->sets = sets;
	return t;
}

void rate_table_free(struct rate_table **t)
{
	free(*t);
	*t = NULL;
}

/* Its bucket, or the one of its set that is closest to full. */
static struct rate_bucket *rate_find(struct rate_table *t, struct rate_key key)
{
	struct rate_bucket *set = &t->buckets[(key.a & (t->sets - 1)) * WAYS];
	struct rate_bucket *fullest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key.a == key.a && set[i].key.b == key.b)
			return &set[i];
		if (set[i].full_ns < fullest->full_ns)
			fullest = &set[i];
	}
	*fullest = (struct rate_bucket){.key = key};
	return fullest;
}

static int64_t rate_up(int64_t ns)
{
	return ns > 0 ? (ns + NS_PER_S - 1) / NS_PER_S : 0;
}

struct rate_answer rate_table_take(struct rate_table *t, struct rate_key key,
    const struct rate_limit *limit, mono_us_t now)
{
	struct rate_bucket *b = rate_find(t, key);
	int64_t at = now * NS_PER_US, most = limit->burst * limit->step_ns;
	int64_t full = b->full_ns > at ? b->full_ns : at;
	struct rate_answer a = {.allowed = full + limit->step_ns - at <= most};
	if (a.allowed)
		b->full_ns = full += limit->step_ns;
	else
		a.retry_s = rate_up(full + limit->step_ns - at - most);
	int64_t left = most - (full - at);
	a.remaining = left > 0 ? left / limit->step_ns : 0;
	a.reset_s = rate_up(full - at);
	return a;
}
