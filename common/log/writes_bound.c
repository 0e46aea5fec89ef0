#include "common/log/writes_bound.h"

void writes_bound_asks(struct writes_bound *b, version_t highest, int64_t next)
{
	b->asked_highest = highest;
	b->asked_next = next;
	b->asked_passed = b->passed;
	b->passed = 0;
}

static void writes_bound_judge(struct writes_bound *b, version_t head)
{
	b->judged = head;
	b->judged_next = b->asked_next;
	b->doubts = 0;
}

static unsigned enough(const struct writes_bound *b, version_t head)
{
	bool other = version_epoch(b->asked_highest) > version_epoch(head);
	return other ? WRITES_BOUND_EPOCH_DOUBTS : WRITES_BOUND_DOUBTS;
}

/* Something was believed that is above every recent answer. */
static bool is_ahead(struct writes_bound *b, version_t head, mono_us_t now)
{
	if (b->asked_highest <= head) {
		b->doubts = 0;
		return false;
	}
	if (b->doubts == 0 || head > b->doubted)
		b->doubted = head;
	if (b->doubts > 0 && now - b->doubted_at < WRITES_BOUND_APART_US)
		return false;
	b->doubts++;
	b->doubted_at = now;
	return b->doubts >= enough(b, head);
}

bool writes_bound_answered(
    struct writes_bound *b, version_t head, mono_us_t now)
{
	b->known = true;
	b->head = head;
	b->as_of = now;
	bool missed = b->asked_passed && b->asked_passed <= head;
	bool ahead = is_ahead(b, head, now);
	if (ahead)
		writes_bound_judge(b, b->doubted);
	else if (missed)
		writes_bound_judge(b, head);
	return ahead || missed;
}

bool writes_bound_near(version_t head, version_t through)
{
	/* Commits of the next log may come before its epoch is known. */
	if (version_epoch(through) != version_epoch(head))
		return version_epoch(through) <= version_epoch(head) + 1;
	return version_offset(through) <=
	       version_offset(head) + WRITES_BOUND_SLACK;
}

static bool believes(const struct writes_bound *b, int64_t offset,
    version_t through, mono_us_t now)
{
	if (offset < b->judged_next && through > b->judged)
		return false;
	return !b->known || now - b->as_of >= WRITES_BOUND_STALE_US ||
	       writes_bound_near(b->head, through);
}

bool writes_bound_admits(
    struct writes_bound *b, int64_t offset, version_t through, mono_us_t now)
{
	if (believes(b, offset, through, now))
		return true;
	if (b->passed == 0 || through < b->passed)
		b->passed = through;
	return false;
}
