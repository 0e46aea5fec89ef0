#include "common/cache/l2_fill.h"

#include <stdio.h>
#include <string.h>

bool l2_fill_send(struct redis *r, struct key_slot slot, const char *id,
    size_t len, version_t as_of, const struct l2_entry *e, dur_us_t ttl,
    redis_done done, void *arg)
{
	struct buf watermark = {0}, floors = {0}, entry = {0}, payload = {0};
	char hex[VERSION_HEX_LEN + 1], bucket[16], ms[24];
	l2_watermark_key(&watermark, slot.partition);
	l2_floors_key(&floors, slot.partition);
	l2_entry_key(&entry, slot.partition, id, len);
	l2_payload(&payload, e);
	version_to_hex(as_of, hex);
	snprintf(bucket, sizeof bucket, "%u", l2_bucket(slot.bucket));
	snprintf(ms, sizeof ms, "%lld", (long long)(ttl / 1000));
	const char *const argv[] = {watermark.data, floors.data, entry.data,
	    hex, bucket, ms, payload.data};
	const size_t lens[] = {watermark.len, floors.len, entry.len,
	    VERSION_HEX_LEN, strlen(bucket), strlen(ms), payload.len};
	bool sent = redis_eval(r, L2_FILL, 3, 7, argv, lens, done, arg);
	buf_free(&watermark);
	buf_free(&floors);
	buf_free(&entry);
	buf_free(&payload);
	return sent;
}
