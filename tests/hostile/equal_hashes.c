/* Finds names of 128 characters whose XXH3 (64 bits, no seed) is equal: how
 * tests/hostile/equal_hashes.txt was made. For inputs of 97 to 128 bytes XXH3
 * adds one product for each block of 16 bytes, so halves of 64 bytes whose four
 * products add up to 0 can be combined freely. They are found by the
 * generalized birthday search of Wagner (CRYPTO 2002) over four lists.
 *
 *     cc -O2 equal_hashes.c && ./a.out >equal_hashes.txt
 */
#define XXH_INLINE_ALL
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BITS = 23, N = 1 << BITS, LOW = 22, HALVES = 90 };
#define MASK ((1ULL << LOW) - 1)

struct sum {
	uint64_t value;
	uint32_t first, second;
};

static void block(uint32_t n, int list, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
	uint64_t x =
	    ((uint64_t)n << 3 | (uint64_t)list) * 0x9E3779B97F4A7C15ULL;
	uint64_t y = (x ^ x >> 29) * 0xBF58476D1CE4E5B9ULL;
	for (int i = 0; i < 8; i++, x >>= 5, y >>= 5) {
		out[i] = digits[x >> 24 & 31];
		out[8 + i] = digits[y >> 24 & 31];
	}
}

static uint64_t product(uint32_t n, int list)
{
	static const int secrets[8] = {0, 32, 64, 96, 112, 80, 48, 16};
	char text[16];
	block(n, list, text);
	return XXH3_mix16B(
	    (const xxh_u8 *)text, XXH3_kSecret + secrets[list], 0);
}

struct single {
	uint64_t value;
	uint32_t n;
};

static int by_low(const void *a, const void *b)
{
	uint64_t x = ((const struct single *)a)->value & MASK;
	uint64_t y = ((const struct single *)b)->value & MASK;
	return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = ((const struct sum *)a)->value;
	uint64_t y = ((const struct sum *)b)->value;
	return (x > y) - (x < y);
}

/* Pairs of both lists whose low bits add up to `low`. */
static struct sum *merge(int list, uint64_t low, size_t *n)
{
	struct single *b = malloc(N * sizeof *b);
	uint32_t *first = malloc((MASK + 2) * sizeof *first);
	struct sum *out = malloc(3 * (size_t)N * sizeof *out);
	for (uint32_t i = 0; i < N; i++)
		b[i] = (struct single){product(i, list + 1), i};
	qsort(b, N, sizeof *b, by_low);
	uint32_t at = 0;
	for (uint64_t v = 0; v <= MASK; v++) {
		while (at < N && (b[at].value & MASK) < v)
			at++;
		first[v] = at;
	}
	first[MASK + 1] = N;
	*n = 0;
	for (uint32_t i = 0; i < N; i++) {
		uint64_t p = product(i, list), want = (low - p) & MASK;
		for (uint32_t j = first[want]; j < first[want + 1]; j++)
			if (*n < 3 * (size_t)N)
				out[(*n)++] =
				    (struct sum){p + b[j].value, i, b[j].n};
	}
	free(b);
	free(first);
	return out;
}

static int half(int list, uint64_t low, int found)
{
	size_t na, nb;
	struct sum *a = merge(list, low, &na);
	struct sum *b = merge(list + 2, -low & MASK, &nb);
	qsort(b, nb, sizeof *b, by_value);
	for (size_t i = 0; i < na && found < HALVES; i++) {
		struct sum key = {-a[i].value, 0, 0};
		struct sum *s = bsearch(&key, b, nb, sizeof *b, by_value);
		if (s == NULL)
			continue;
		char text[65] = {0};
		block(a[i].first, list, text);
		block(a[i].second, list + 1, text + 16);
		block(s->first, list + 2, text + 32);
		block(s->second, list + 3, text + 48);
		puts(text);
		found++;
	}
	free(a);
	free(b);
	return found;
}

int main(void)
{
	for (int list = 0; list < 8; list += 4)
		for (int found = 0, low = 0; found < HALVES; low++)
			found = half(list, (uint64_t)low, found);
}
