#include "api/write/home.h"

#include "common/base/check.h"
#include "common/log/keyspace.h"

#include <string.h>

enum { ID_MAX = COLLECTION_NAME_MAX + 1 + COLLECTION_KEY_MAX };

struct home home_of(const char *idempotency_key, size_t len,
    const struct collection *c, int32_t partitions)
{
	return (struct home){
	    .collection = c,
	    .partition =
		keyspace_slot(idempotency_key, len, partitions).partition,
	    .partitions = partitions,
	};
}

bool home_has(const struct home *h, const char *key, size_t len)
{
	char id[ID_MAX];
	size_t prefix = strlen(h->collection->name);
	CHECK(prefix <= COLLECTION_NAME_MAX && len <= COLLECTION_KEY_MAX);
	memcpy(id, h->collection->name, prefix);
	id[prefix++] = '/';
	memcpy(id + prefix, key, len);
	return keyspace_slot(id, prefix + len, h->partitions).partition ==
	       h->partition;
}

bool home_has_id(const struct home *h, int64_t id)
{
	char text[24], *at = text + sizeof text;
	uint64_t n = id < 0 ? 0 - (uint64_t)id : (uint64_t)id;
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	if (id < 0)
		*--at = '-';
	return home_has(h, at, (size_t)(text + sizeof text - at));
}

/* Increments 48 bits in hexadecimal; `last` is their last digit. They begin at
 * random, so that the keys of two requests collide no more often than random
 * ones. */
static void count_up(char *last)
{
	for (char *digit = last; digit > last - 12; digit--) {
		*digit = *digit == '9'	 ? 'a'
			 : *digit == 'f' ? '0'
					 : (char)(*digit + 1);
		if (*digit != '0')
			return;
	}
}

void home_uuid(const struct home *h, wall_us_t now, uint64_t a, uint64_t b,
    char out[UUIDV7_LEN])
{
	uuidv7_make(now, a, b, out);
	while (!home_has(h, out, UUIDV7_LEN - 1))
		count_up(out + UUIDV7_LEN - 2);
}
