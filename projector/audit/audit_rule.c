#include "projector/audit/audit_rule.h"

static enum audit_result judge_row(
    const struct audit_commit *c, const struct audit_sight *s)
{
	if (s->version < c->version)
		return AUDIT_VIOLATION;
	/* A later write that was not heard yet; or a delete whose version is
	 * only a bound (writer/takeover/gap.c). */
	if (s->version > c->version || !c->present)
		return AUDIT_SKIPPED;
	return s->has_digest && s->digest != c->digest ? AUDIT_CHANGED
						       : AUDIT_CURRENT;
}

enum audit_result audit_judge(
    const struct audit_commit *c, const struct audit_sight *s, version_t heard)
{
	if (s->as_of <= c->version)
		return AUDIT_SKIPPED;
	if (s->present)
		return judge_row(c, s);
	if (!c->present)
		return AUDIT_CURRENT;
	/* A commit that was not heard yet may have deleted it. */
	return s->as_of <= heard ? AUDIT_VIOLATION : AUDIT_SKIPPED;
}
