/* One JSON text: what the scanner lets pass can be walked, its strings are read
 * as they are written, its numbers have an order. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/json/decimal.h"
#include "common/json/jsondup.h"
#include "common/json/jsonslice.h"
#include "common/json/jsonstring.h"
#include "common/json/jsonwalk.h"
#include "common/schema/field.h"

enum { NUMBERS = 6 };

struct numbers {
	struct jsonslice numbers[NUMBERS];
	size_t n;
};

static void string(struct jsonslice v)
{
	struct buf text = {0}, again = {0};
	struct jsonslice other;
	jsonslice_text(&text, v);
	CHECK(utf8_valid(text.data ? text.data : "", text.len));
	buf_json(&again, text.data ? text.data : "", text.len);
	CHECK(jsonslice_scan(again.data, again.len, &other));
	CHECK(jsonstring_same(v, other));
	CHECK(jsonstring_hash(v) == jsonstring_hash(other));
	CHECK(jsonstring_length(v) == jsonstring_length(other));
	CHECK(jsonslice_equals(v, text.data ? text.data : "", text.len));
	buf_free(&text);
	buf_free(&again);
}

static void value(struct numbers *w, struct jsonslice v)
{
	enum jsonslice_kind kind = jsonslice_kind(v);
	if (kind == JSONSLICE_STRING)
		string(v);
	if (kind == JSONSLICE_NUMBER && w->n < NUMBERS)
		w->numbers[w->n++] = v;
	if (kind == JSONSLICE_OBJECT) {
		struct jsonslice_member m = jsonslice_members(v);
		while (jsonslice_next(&m)) {
			string(m.name);
			value(w, m.value);
		}
	}
	if (kind == JSONSLICE_ARRAY) {
		struct jsonslice_element e = jsonslice_elements(v);
		while (jsonslice_each(&e))
			value(w, e.value);
	}
}

static void sum(struct jsonslice a, struct jsonslice b)
{
	struct buf one = {0}, other = {0};
	struct jsonslice x, y;
	bool fits = decimal_add(&one, a, b, FIELD_DIGITS);
	CHECK(fits == decimal_add(&other, b, a, FIELD_DIGITS));
	if (fits) {
		CHECK(jsonslice_scan(one.data, one.len, &x));
		CHECK(jsonslice_scan(other.data, other.len, &y));
		CHECK(decimal_fits(x, FIELD_DIGITS) &&
		      decimal_compare(x, y) == 0);
	}
	buf_free(&one);
	buf_free(&other);
}

static void numbers(const struct numbers *w)
{
	int64_t one, other;
	for (size_t i = 0; i < w->n; i++) {
		struct jsonslice a = w->numbers[i];
		CHECK(decimal_compare(a, a) == 0);
		for (size_t k = 0; k < w->n; k++) {
			struct jsonslice b = w->numbers[k];
			int order = decimal_compare(a, b);
			CHECK(order == -decimal_compare(b, a));
			if (decimal_int64(a, &one) && decimal_int64(b, &other))
				CHECK(order == (one > other) - (one < other));
			for (size_t l = 0; order <= 0 && l < w->n; l++)
				CHECK(decimal_compare(b, w->numbers[l]) > 0 ||
				      decimal_compare(a, w->numbers[l]) <= 0);
			if (i == 0 && k == 1 && decimal_fits(a, FIELD_DIGITS) &&
			    decimal_fits(b, FIELD_DIGITS))
				sum(a, b);
		}
	}
}

/* The same tokens as by going down level by level. */
static void walk(struct jsonslice v)
{
	struct jsonwalk w = {.at = v.s, .end = v.s + v.len};
	const char *behind = v.s;
	enum jsonwalk_token t;
	size_t depth = 0;
	while ((t = jsonwalk_next(&w)) != JSONWALK_END) {
		struct jsonslice same;
		CHECK(w.token.s >= behind && w.token.len > 0);
		behind = w.token.s + w.token.len;
		CHECK(behind <= v.s + v.len);
		if (t == JSONWALK_OBJECT || t == JSONWALK_ARRAY)
			depth++;
		else if (t == JSONWALK_CLOSE)
			CHECK(depth-- > 0);
		else
			CHECK(jsonslice_scan(w.token.s, w.token.len, &same));
		CHECK(depth <= JSONSLICE_DEPTH);
	}
	CHECK(depth == 0 && behind == v.s + v.len);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	struct jsonslice v, same;
	struct jsonslice_fault fault;
	struct numbers w = {.n = 0};
	bool good = jsonslice_parse(in.s, in.len, &v, &fault);
	CHECK(good == jsonslice_scan(in.s, in.len, &same));
	if (!good) {
		CHECK(fault.at <= in.len && fault.what && *fault.what);
		return 0;
	}
	CHECK(same.s == v.s && same.len == v.len);
	CHECK(jsonslice_scan(v.s, v.len, &same) && same.len == v.len);
	value(&w, v);
	walk(v);
	numbers(&w);
	struct jsonslice twice = jsondup_find(v);
	CHECK(twice.s == NULL || jsonslice_kind(twice) == JSONSLICE_STRING);
	return 0;
}
