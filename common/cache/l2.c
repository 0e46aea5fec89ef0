#include "common/cache/l2.h"

#include "common/log/stored_formats.h"

#include <inttypes.h>
#include <string.h>

#define L2_KEYS "sluice"
_Static_assert(STORED_REDIS == 1, "another layout has another L2_KEYS");

enum { HEX = VERSION_HEX_LEN, HEAD = HEX + 1 + HEX };

/* The files of these names (common/base/embed.cmake). */
extern const char l2_generation_lua[], l2_newest_lua[];
extern const char l2_fill_lua[], l2_apply_lua[], l2_start_lua[], l2_purge_lua[],
    l2_look_lua[];

const struct redis_script l2_scripts[L2_SCRIPTS] = {
    [L2_FILL] = {"fill", l2_generation_lua, l2_fill_lua},
    [L2_APPLY] = {"apply", l2_generation_lua, l2_apply_lua},
    [L2_START] = {"start", l2_newest_lua, l2_start_lua},
    [L2_PURGE] = {"purge", l2_newest_lua, l2_purge_lua},
    [L2_LOOK] = {"look", "", l2_look_lua},
};

void l2_watermark_key(struct buf *out, int32_t partition)
{
	buf_printf(out, L2_KEYS ":{%d}:watermark", partition);
}

void l2_floors_key(struct buf *out, int32_t partition)
{
	buf_printf(out, L2_KEYS ":{%d}:floors", partition);
}

void l2_cursor_key(struct buf *out, int32_t partition)
{
	buf_printf(out, L2_KEYS ":{%d}:cursor", partition);
}

void l2_warmed_key(struct buf *out, int32_t partition)
{
	buf_printf(out, L2_KEYS ":{%d}:warmed", partition);
}

void l2_entry_key(
    struct buf *out, int32_t partition, const char *id, size_t len)
{
	buf_printf(out, L2_KEYS ":{%d}:", partition);
	buf_add(out, id, len);
}

bool l2_watermark_parse(const char *value, size_t len, struct l2_watermark *out)
{
	return (len == 2 * HEX || (len > 2 * HEX && value[2 * HEX] == ';')) &&
	       version_from_hex(value, &out->watermark) &&
	       version_from_hex(value + HEX, &out->generation);
}

uint64_t l2_generation(
    const char *value, size_t len, const char *id, size_t id_len)
{
	struct l2_watermark w = {0};
	const char *slash = memchr(id, '/', id_len);
	size_t name = slash ? (size_t)(slash - id) : id_len;
	l2_watermark_parse(value, len, &w);
	/* ;name=hex */
	for (size_t at = 2 * HEX; at + 2 + name + HEX <= len; at++) {
		uint64_t own;
		const char *s = value + at;
		if (s[0] == ';' && memcmp(s + 1, id, name) == 0 &&
		    s[1 + name] == '=' && version_from_hex(s + 2 + name, &own))
			return own;
	}
	return w.generation;
}

void l2_cursor(struct buf *out, const struct l2_cursor *c)
{
	char hex[HEX + 1];
	version_to_hex(c->turn, hex);
	buf_printf(out, "%" PRId64 " %s", c->offset, hex);
}

bool l2_cursor_parse(const char *value, size_t len, struct l2_cursor *out)
{
	version_t offset;
	size_t digits = len - HEX - 1;
	if (len < HEX + 1 || value[digits] != ' ' ||
	    !version_parse(value, digits, &offset) ||
	    !version_from_hex(value + digits + 1, &out->turn))
		return false;
	out->offset = (int64_t)offset;
	return true;
}

void l2_payload(struct buf *out, const struct l2_entry *e)
{
	char hex[HEX + 1];
	version_to_hex(e->version, hex);
	buf_char(out, e->present ? 'P' : 'A');
	buf_add(out, hex, HEX);
	buf_add(out, e->doc, e->len);
}

bool l2_entry_parse(
    const char *value, size_t len, uint64_t generation, struct l2_entry *out)
{
	uint64_t written_in;
	if (len < HEAD || !version_from_hex(value, &written_in) ||
	    written_in != generation ||
	    !version_from_hex(value + HEX + 1, &out->version))
		return false;
	out->present = value[HEX] == 'P';
	out->doc = value + HEAD;
	out->len = len - HEAD;
	/* Whatever else somebody wrote there: answers put members into it. */
	bool object = out->len >= 2 && out->doc[0] == '{' &&
		      out->doc[out->len - 1] == '}';
	return out->present ? object : value[HEX] == 'A';
}
