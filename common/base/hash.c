#include "common/base/hash.h"

#include "common/base/random.h"

#include <pthread.h>
#include <xxhash.h>

static uint64_t seed;

static void take_seed(void)
{
	seed = random_bits();
}

uint64_t hash_seed(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, take_seed);
	return seed;
}

uint64_t hash_bytes(const void *s, size_t len)
{
	return XXH3_64bits_withSeed(s, len, hash_seed());
}
