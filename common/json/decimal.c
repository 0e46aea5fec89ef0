/* A number is digits and a scale: digits * 10^-scale. The zeros of an exponent
 * are written only after it is known that the number fits.
 */
#include "common/json/decimal.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct decimal {
	bool negative;
	char *digits; /* owned; 0..9, the highest first, no leading zero */
	size_t n;
	size_t scale;
};

static bool decimal_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* An exponent beyond every limit is cut: its exact value does not matter. */
static long exponent_of(const char *s, const char *end)
{
	bool negative = s < end && *s == '-';
	long e = 0;
	for (s += s < end && !decimal_is_digit(*s); s < end; s++) {
		if (e < 1000000)
			e = e * 10 + (*s - '0');
	}
	return negative ? -e : e;
}

/* Returns the number of digits before the exponent, without leading zeros, and
 * writes them to `digits` if it is not NULL. *behind: how many digits are after
 * the point. */
static size_t mantissa_of(
    struct jsonslice v, char *digits, size_t *behind, long *exponent)
{
	size_t n = 0;
	bool point = false;
	const char *s = v.s, *end = v.s + v.len;
	*behind = 0;
	for (; s < end && *s != 'e' && *s != 'E'; s++) {
		if (*s == '.')
			point = true;
		if (!decimal_is_digit(*s))
			continue;
		*behind += point;
		if (n == 0 && *s == '0')
			continue;
		if (digits)
			digits[n] = (char)(*s - '0');
		n++;
	}
	*exponent = s < end ? exponent_of(s + 1, end) : 0;
	return n;
}

bool decimal_fits(struct jsonslice number, size_t most)
{
	size_t behind;
	long exponent;
	size_t n = mantissa_of(number, NULL, &behind, &exponent);
	long scale = (long)behind - exponent;
	/* Also for zero: Postgres does not read 0e9999999999. */
	long before = scale < 0 || n > 0 ? (long)n - scale : 0;
	return scale <= (long)most && before <= (long)most;
}

static bool decimal_parse(struct jsonslice v, size_t most, struct decimal *out)
{
	size_t behind;
	long exponent;
	*out = (struct decimal){.negative = *v.s == '-'};
	if (!decimal_fits(v, most))
		return false;
	out->digits = mem_alloc(v.len + most);
	out->n = mantissa_of(v, out->digits, &behind, &exponent);
	long scale = (long)behind - exponent;
	size_t zeros = scale < 0 && out->n ? (size_t)-scale : 0;
	out->scale = scale < 0 ? 0 : (size_t)scale;
	memset(&out->digits[out->n], 0, zeros);
	out->n += zeros;
	return true;
}

/* The same number with a larger scale, in n digits; owned. */
static char *widened(const struct decimal *d, size_t scale, size_t n)
{
	char *out = mem_zalloc(n);
	size_t behind = scale - d->scale;
	CHECK(n >= d->n + behind);
	memcpy(&out[n - d->n - behind], d->digits, d->n);
	return out;
}

static void add_digits(char *a, const char *b, size_t n)
{
	int carry = 0;
	for (size_t i = n; i-- > 0;) {
		int sum = a[i] + b[i] + carry;
		carry = sum > 9;
		a[i] = (char)(sum - 10 * carry);
	}
	CHECK(carry == 0);
}

/* a -= b; a is not less than b. */
static void subtract_digits(char *a, const char *b, size_t n)
{
	int borrow = 0;
	for (size_t i = n; i-- > 0;) {
		int rest = a[i] - b[i] - borrow;
		borrow = rest < 0;
		a[i] = (char)(rest + 10 * borrow);
	}
	CHECK(borrow == 0);
}

static void decimal_render(
    struct buf *out, bool negative, const char *digits, size_t n, size_t scale)
{
	size_t first = 0;
	while (first < n && digits[first] == 0)
		first++;
	if (negative && first < n)
		buf_char(out, '-');
	if (first > n - scale - 1)
		first = n - scale - 1; /* one digit before the point */
	for (size_t i = first; i < n; i++) {
		if (i == n - scale)
			buf_char(out, '.');
		buf_char(out, (char)('0' + digits[i]));
	}
}

static bool decimal_add_digits(struct buf *out, const struct decimal *a,
    const struct decimal *b, size_t most)
{
	size_t scale = a->scale > b->scale ? a->scale : b->scale;
	size_t na = a->n + scale - a->scale, nb = b->n + scale - b->scale;
	size_t n = (na > nb ? na : nb) + scale + 2;
	char *x = widened(a, scale, n), *y = widened(b, scale, n);
	bool negative = a->negative;
	if (a->negative == b->negative) {
		add_digits(x, y, n);
	} else if (memcmp(x, y, n) >= 0) {
		subtract_digits(x, y, n);
	} else {
		subtract_digits(y, x, n);
		memcpy(x, y, n);
		negative = b->negative;
	}
	size_t first = 0;
	while (first < n && x[first] == 0)
		first++;
	bool fits = n - first <= most + scale;
	if (fits)
		decimal_render(out, negative, x, n, scale);
	free(x);
	free(y);
	return fits;
}

bool decimal_add(
    struct buf *out, struct jsonslice a, struct jsonslice b, size_t most)
{
	struct decimal x, y;
	bool fits = decimal_parse(a, most, &x);
	fits = decimal_parse(b, most, &y) && fits &&
	       decimal_add_digits(out, &x, &y, most);
	free(x.digits);
	free(y.digits);
	return fits;
}

/* --- comparing ----------------------------------------------------------- */

/* digits * 10^power: an exponent takes no memory, since its zeros are not
 * written out. */
struct scientific {
	bool negative;
	char *digits; /* owned; no leading and no trailing zero */
	size_t n;     /* 0: the number is zero */
	long power;
};

static struct scientific scientific_of(struct jsonslice v)
{
	struct scientific s = {.negative = *v.s == '-'};
	size_t behind;
	long exponent;
	s.digits = mem_alloc(v.len);
	s.n = mantissa_of(v, s.digits, &behind, &exponent);
	s.power = exponent - (long)behind;
	while (s.n > 0 && s.digits[s.n - 1] == 0) {
		s.n--;
		s.power++;
	}
	if (s.n == 0)
		s.negative = false;
	return s;
}

/* Ignores the signs. Neither number is zero. */
static int compare_sizes(const struct scientific *a, const struct scientific *b)
{
	long before_a = (long)a->n + a->power, before_b = (long)b->n + b->power;
	if (before_a != before_b)
		return before_a < before_b ? -1 : 1;
	size_t n = a->n < b->n ? a->n : b->n;
	int order = memcmp(a->digits, b->digits, n);
	if (order != 0)
		return order < 0 ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

static int sign_of(const struct scientific *s)
{
	if (s->n == 0)
		return 0;
	return s->negative ? -1 : 1;
}

int decimal_compare(struct jsonslice a, struct jsonslice b)
{
	struct scientific x = scientific_of(a), y = scientific_of(b);
	int sx = sign_of(&x), sy = sign_of(&y);
	int order = (sx > sy) - (sx < sy);
	if (order == 0 && sx != 0)
		order = sx * compare_sizes(&x, &y);
	free(x.digits);
	free(y.digits);
	return order;
}

bool decimal_int64(struct jsonslice number, int64_t *out)
{
	struct scientific s = scientific_of(number);
	int64_t value = 0;
	bool fits = s.n == 0 || (s.power >= 0 && (long)s.n + s.power <= 19);
	size_t n = fits && s.n > 0 ? s.n + (size_t)s.power : 0;
	for (size_t i = 0; fits && i < n; i++) {
		int digit = i < s.n ? s.digits[i] : 0;
		/* Downwards: there is no +2^63 for INT64_MIN. */
		fits = !__builtin_mul_overflow(value, 10, &value) &&
		       !__builtin_sub_overflow(value, digit, &value);
	}
	if (fits && !s.negative)
		fits = !__builtin_sub_overflow(0, value, &value);
	if (fits)
		*out = value;
	free(s.digits);
	return fits;
}
