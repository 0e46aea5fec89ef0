#include "content.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct content {
	enum content_mix mix;
	uint64_t rows;
	double *below; /* hot: probability of this key or one before it */
};

static const char *const mix_names[] = {
    [CONTENT_INSERT] = "insert",
    [CONTENT_UPDATE] = "update",
    [CONTENT_HOT] = "hot",
};

/* The finalizer of splitmix64: one to one, so that keys stay distinct. */
static uint64_t mixed(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct content *content_new(enum content_mix mix, uint64_t rows)
{
	CHECK(rows > 0);
	struct content *c = MEM_NEW(struct content);
	c->mix = mix;
	c->rows = rows;
	if (mix != CONTENT_HOT)
		return c;
	c->below = mem_alloc(CONTENT_HOT_KEYS * sizeof *c->below);
	double sum = 0;
	for (int i = 0; i < CONTENT_HOT_KEYS; i++) {
		sum += pow(i + 1, -0.99);
		c->below[i] = sum;
	}
	for (int i = 0; i < CONTENT_HOT_KEYS; i++)
		c->below[i] /= sum;
	return c;
}

static uint64_t hot_key(const struct content *c, uint64_t i)
{
	double u = (double)(mixed(~i) >> 11) * 0x1p-53;
	size_t low = 0, high = CONTENT_HOT_KEYS - 1;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (c->below[mid] > u)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static uint64_t key_number(const struct content *c, uint64_t i)
{
	switch (c->mix) {
	case CONTENT_UPDATE:
		/* A prime above any number of rows: a permutation. */
		return (i % c->rows * 2654435761u + 7) % c->rows;
	case CONTENT_HOT:
		return hot_key(c, i);
	case CONTENT_INSERT:
	case CONTENT_MIXES:
		break;
	}
	return i % c->rows;
}

void content_row(const struct content *c, uint64_t i, struct content_row *out)
{
	static const char letters[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	snprintf(
	    out->key, sizeof out->key, "%016" PRIx64, mixed(key_number(c, i)));
	uint64_t bits = 0;
	for (int k = 0; k < CONTENT_VALUE_LEN; k++) {
		if (k % 10 == 0)
			bits = mixed((i * CONTENT_MIXES + c->mix) * 32 +
				     (unsigned)k / 10);
		out->value[k] = letters[bits & 63];
		bits >>= 6;
	}
	out->value[CONTENT_VALUE_LEN] = '\0';
	out->version = (uint64_t)c->mix * c->rows + i + 1;
	out->at = (wall_us_t)(1767225600000000 + out->version);
}

void content_time(wall_us_t at, char out[CONTENT_TIME_LEN + 1])
{
	time_t secs = (time_t)(at / 1000000);
	struct tm tm;
	CHECK(gmtime_r(&secs, &tm) != NULL);
	size_t n =
	    strftime(out, CONTENT_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(&out[n], CONTENT_TIME_LEN + 1 - n, ".%06uZ",
	    (unsigned)(at % 1000000) % 1000000);
}

void content_free(struct content **c)
{
	if (*c == NULL)
		return;
	free((*c)->below);
	free(*c);
	*c = NULL;
}

enum content_mix content_mix_parse(const char *name)
{
	for (int i = 0; i < CONTENT_MIXES; i++) {
		if (strcmp(name, mix_names[i]) == 0)
			return (enum content_mix)i;
	}
	fprintf(stderr, "error: there is no mix '%s'\n", name);
	exit(2);
}
