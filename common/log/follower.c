/* How a consumer follows one partition of sluice.commits. The header describes
 * the rules and their races. tests/unit/common/log/test_follower.c checks the
 * rules with every log within small bounds, and that no rule can be left out.
 */
#include "common/log/follower.h"

void follower_start(struct follower *f, version_t watermark)
{
	f->started = true;
	f->watermark = watermark;
}

void follower_reset(struct follower *f)
{
	f->started = false;
	f->watermark = 0;
}

void follower_hear(struct follower *f, int64_t offset)
{
	if (offset != f->next)
		f->since = offset;
	f->next = offset + 1;
}

enum follow_record follower_record(struct follower *f, version_t version)
{
	if (version >= VERSION_MAX)
		return FOLLOW_IGNORE;
	if (f->started && version < f->watermark)
		return FOLLOW_IGNORE;
	if (version + 1 < f->seen)
		return FOLLOW_DROP;
	/* The newest record may come again, if a gap is announced twice. */
	f->seen = version + 1;
	return FOLLOW_SET;
}

enum follow_mark follower_mark(
    struct follower *f, version_t from, version_t through, int64_t after)
{
	if (from > through || (f->started && through <= f->watermark))
		return FOLLOW_MARK_IGNORE;
	bool contiguous =
	    f->started && from <= f->watermark && after >= f->since - 1;
	f->started = true;
	f->watermark = through;
	return contiguous ? FOLLOW_MARK_ADVANCE : FOLLOW_MARK_JUMP;
}

enum follow_mark follower_anew(struct follower *f, version_t through)
{
	f->started = true;
	f->watermark = through;
	f->seen = 0;
	return FOLLOW_MARK_JUMP;
}

version_t follower_base(const struct follower *f)
{
	return f->seen > f->watermark ? f->seen : f->watermark;
}
