/* A number is digits and a scale: digits * 10^-scale. The limits are those of
 * numeric (PostgreSQL, 8.1.2): 131072 digits before the point, 16383 behind.
 */
#include "writer/decimal.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BEFORE = 131072, BEHIND = 16383 };

struct decimal {
	bool negative;
	char *digits; /* owned; 0..9, the highest first, no zero in front */
	size_t n;
	size_t scale;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Beyond every limit, the exponent is as good as another. */
static long exponent_of(const char *s, const char *end)
{
	bool negative = s < end && *s == '-';
	long e = 0;
	for (s += s < end && !is_digit(*s); s < end; s++) {
		if (e < 1000000)
			e = e * 10 + (*s - '0');
	}
	return negative ? -e : e;
}

/* Digits in front of the exponent; *behind of them stand behind the point. */
static size_t mantissa_of(
    struct jsonraw v, char *digits, size_t *behind, long *exponent)
{
	size_t n = 0;
	bool point = false;
	const char *s = v.s, *end = v.s + v.len;
	*behind = 0;
	for (; s < end && *s != 'e' && *s != 'E'; s++) {
		if (*s == '.')
			point = true;
		if (!is_digit(*s))
			continue;
		*behind += point;
		if (n > 0 || *s != '0')
			digits[n++] = (char)(*s - '0');
	}
	*exponent = s < end ? exponent_of(s + 1, end) : 0;
	return n;
}

static bool parse(struct jsonraw v, struct decimal *out)
{
	size_t behind;
	long exponent;
	*out = (struct decimal){.negative = *v.s == '-'};
	out->digits = mem_alloc(v.len);
	out->n = mantissa_of(v, out->digits, &behind, &exponent);
	long scale = (long)behind - exponent;
	size_t zeros = scale < 0 ? (size_t)-scale : 0;
	if (out->n == 0)
		zeros = 0;
	out->scale = scale < 0 ? 0 : (size_t)scale;
	if (out->scale > BEHIND || zeros > BEFORE ||
	    out->n + zeros > BEFORE + out->scale)
		return false;
	out->digits = mem_realloc(out->digits, out->n + zeros + 1);
	memset(&out->digits[out->n], 0, zeros);
	out->n += zeros;
	return true;
}

bool decimal_fits(struct jsonraw number)
{
	struct decimal d;
	bool fits = parse(number, &d);
	free(d.digits);
	return fits;
}

/* The same number with another, larger scale, in a field of n digits. */
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

/* a >= b */
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

static void render(
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

static bool add(
    struct buf *out, const struct decimal *a, const struct decimal *b)
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
	bool fits = n - first <= BEFORE + scale;
	if (fits)
		render(out, negative, x, n, scale);
	free(x);
	free(y);
	return fits;
}

bool decimal_add(struct buf *out, struct jsonraw a, struct jsonraw b)
{
	struct decimal x, y;
	bool fits = parse(a, &x);
	fits = parse(b, &y) && fits && add(out, &x, &y);
	free(x.digits);
	free(y.digits);
	return fits;
}
