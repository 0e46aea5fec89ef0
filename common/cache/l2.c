#include "common/cache/l2.h"

#include <inttypes.h>
#include <string.h>

enum { HEX = VERSION_HEX_LEN, HEAD = HEX + 1 + HEX };

/* The generation of an entry's key; the newest of all. */
#define GENERATION                                                             \
	"local function generation(w, key)\n"                                  \
	"  if #w > 32 then\n"                                                  \
	"    local name = string.match(key, '^sluice:{%d+}:([^/]+)/')\n"       \
	"    local own = string.match(w, ';' .. name .. '=(%x+)', 33)\n"       \
	"    if own then return own end\n"                                     \
	"  end\n"                                                              \
	"  return string.sub(w, 17, 32)\n"                                     \
	"end\n"
#define NEWEST                                                                 \
	"local function newest(w)\n"                                           \
	"  local g = string.sub(w, 17, 32)\n"                                  \
	"  for own in string.gmatch(w, '=(%x+)') do\n"                         \
	"    if own > g then g = own end\n"                                    \
	"  end\n"                                                              \
	"  return g\n"                                                         \
	"end\n"                                                                \
	"local function renewed(w, wanted)\n"                                  \
	"  local g = newest(w)\n"                                              \
	"  if wanted > g then return wanted end\n"                             \
	"  return string.format('%016x', tonumber(g, 16) + 1)\n"               \
	"end\n"

const struct redis_script l2_scripts[L2_SCRIPTS] = {
    [L2_FILL] = {"fill", GENERATION
	"local w = redis.pcall('GET', KEYS[1])\n"
	"if type(w) ~= 'string' then return -1 end\n"
	"local floor = redis.pcall('HGET', KEYS[2], ARGV[2])\n"
	"  or redis.pcall('HGET', KEYS[2], 'base')\n"
	"if type(floor) ~= 'string' then return -1 end\n"
	"if ARGV[1] < floor then return 0 end\n"
	"redis.call('SET', KEYS[3], generation(w, KEYS[3]) .. ARGV[4],\n"
	"  'PX', ARGV[3])\n"
	"return 1\n"},
    [L2_APPLY] = {"apply",
	GENERATION "local w = redis.call('GET', KEYS[1])\n"
		   "if not w then return '-' end\n"
		   "local turn = redis.call('GET', KEYS[3]) or ''\n"
		   "if string.sub(turn, -16) ~= ARGV[1] then\n"
		   "  return '-' .. string.sub(w, 1, 16)\n"
		   "end\n"
		   "for i = 4, #KEYS do\n"
		   "  local g = generation(w, KEYS[i])\n"
		   "  local a = 4 + (i - 4) * 4\n"
		   "  local floor = redis.call('HGET', KEYS[2], ARGV[a])\n"
		   "    or redis.call('HGET', KEYS[2], 'base')\n"
		   "  if not floor or floor < ARGV[a + 1] then\n"
		   "    redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1])\n"
		   "  end\n"
		   "  if ARGV[a + 2] == '0' then\n"
		   "    local held = ARGV[a + 3] ~= ''\n"
		   "      and redis.pcall('GETRANGE', KEYS[i], 0, 32) or ''\n"
		   "    if type(held) ~= 'string'\n"
		   "      or string.sub(held, 1, 17) ~= g .. 'P'\n"
		   "      or string.sub(held, 18) < ARGV[a + 3] then\n"
		   "      redis.call('DEL', KEYS[i])\n"
		   "    end\n"
		   "  else\n"
		   "    redis.call('SET', KEYS[i], g .. ARGV[a + 3],\n"
		   "      'PX', ARGV[a + 2])\n"
		   "  end\n"
		   "end\n"
		   "redis.call('SET', KEYS[1], ARGV[2] .. string.sub(w, 17))\n"
		   "redis.call('SET', KEYS[3], ARGV[3])\n"
		   "return ARGV[2]\n"},
    /* A generation is a time in microseconds, below 2^53: the one number that
     * Lua may add to. */
    [L2_START] = {"start", NEWEST
	"local w = redis.call('GET', KEYS[1])\n"
	"local at = w and string.sub(w, 1, 16) or ''\n"
	"if at ~= ARGV[1] then return '-' .. at end\n"
	"redis.call('DEL', KEYS[2])\n"
	"redis.call('HSET', KEYS[2], 'base', ARGV[3])\n"
	"redis.call('SET', KEYS[1], ARGV[2] .. renewed(w or '', ARGV[5]))\n"
	"redis.call('SET', KEYS[3], ARGV[4])\n"
	"return ARGV[2]\n"},
    [L2_PURGE] = {"purge",
	NEWEST "local w = redis.pcall('GET', KEYS[1])\n"
	       "if type(w) ~= 'string' then return 0 end\n"
	       "local g = renewed(w, ARGV[1])\n"
	       "if ARGV[2] == '' then\n"
	       "  w = string.sub(w, 1, 16) .. g\n"
	       "else\n"
	       "  local own = ';' .. ARGV[2] .. '='\n"
	       "  w = string.gsub(w, own .. '%x+', '') .. own .. g\n"
	       "end\n"
	       "redis.call('SET', KEYS[1], w)\n"
	       "return 1\n"},
    /* Is every one of them what the scripts make of it, or not there? */
    [L2_LOOK] = {"look",
	"local function is(key, kind)\n"
	"  local t = redis.call('TYPE', key).ok\n"
	"  return t == kind or t == 'none'\n"
	"end\n"
	"local number = '[0-7]' .. string.rep('[%da-f]', 15)\n"
	"local function fits()\n"
	"  if not (is(KEYS[1], 'string') and is(KEYS[2], 'hash')\n"
	"    and is(KEYS[3], 'string') and is(KEYS[4], 'string')) then\n"
	"    return false\n"
	"  end\n"
	"  local w = redis.call('GET', KEYS[1])\n"
	"  if not w then return true end\n"
	"  local base = redis.call('HGET', KEYS[2], 'base') or ''\n"
	"  return string.match(base, '^' .. number .. '$')\n"
	"    and string.match(w .. ';', '^' .. number .. number .. ';')\n"
	"end\n"
	"local discarded = fits() and 0 or 1\n"
	"if discarded == 1 then redis.call('DEL', unpack(KEYS)) end\n"
	"local r = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])\n"
	"r[4] = discarded\n"
	"return r\n"},
};

void l2_watermark_key(struct buf *out, int32_t partition)
{
	buf_printf(out, "sluice:{%d}:watermark", partition);
}

void l2_floors_key(struct buf *out, int32_t partition)
{
	buf_printf(out, "sluice:{%d}:floors", partition);
}

void l2_cursor_key(struct buf *out, int32_t partition)
{
	buf_printf(out, "sluice:{%d}:cursor", partition);
}

void l2_warmed_key(struct buf *out, int32_t partition)
{
	buf_printf(out, "sluice:{%d}:warmed", partition);
}

void l2_entry_key(
    struct buf *out, int32_t partition, const char *id, size_t len)
{
	buf_printf(out, "sluice:{%d}:", partition);
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
