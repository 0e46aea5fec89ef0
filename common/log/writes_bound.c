#include "common/log/writes_bound.h"

void logbound_asks(struct logbound *b, version_t highest, int64_t next)
{
	b->asked_highest = highest;
	b->asked_next = next;
	b->asked_passed = b->passed;
	b->passed = 0;
}

static void judge(struct logbound *b, version_t head)
{
	b->judged = head;
	b->judged_next = b->asked_next;
	b->doubts = 0;
}

static unsigned enough(const struct logbound *b, version_t head)
{
	bool other = version_epoch(b->asked_highest) > version_epoch(head);
	return other ? LOGBOUND_EPOCH_DOUBTS : LOGBOUND_DOUBTS;
}

/* Something was believed that is above every recent answer. */
static bool is_ahead(struct logbound *b, version_t head, mono_us_t now)
{
	if (b->asked_highest <= head) {
		b->doubts = 0;
		return false;
	}
	if (b->doubts == 0 || head > b->doubted)
		b->doubted = head;
	if (b->doubts > 0 && now - b->doubted_at < LOGBOUND_APART_US)
		return false;
	b->doubts++;
	b->doubted_at = now;
	return b->doubts >= enough(b, head);
}

bool logbound_answered(struct logbound *b, version_t head, mono_us_t now)
{
	b->known = true;
	b->head = head;
	b->as_of = now;
	bool missed = b->asked_passed && b->asked_passed <= head;
	bool ahead = is_ahead(b, head, now);
	if (ahead)
		judge(b, b->doubted);
	else if (missed)
		judge(b, head);
	return ahead || missed;
}

bool logbound_near(version_t head, version_t through)
{
	/* Commits of the next log may come before its epoch is known. */
	if (version_epoch(through) != version_epoch(head))
		return version_epoch(through) <= version_epoch(head) + 1;
	return version_offset(through) <= version_offset(head) + LOGBOUND_SLACK;
}

static bool believes(
    const struct logbound *b, int64_t offset, version_t through, mono_us_t now)
{
	if (offset < b->judged_next && through > b->judged)
		return false;
	return !b->known || now - b->as_of >= LOGBOUND_STALE_US ||
	       logbound_near(b->head, through);
}

bool logbound_admits(
    struct logbound *b, int64_t offset, version_t through, mono_us_t now)
{
	if (believes(b, offset, through, now))
		return true;
	if (b->passed == 0 || through < b->passed)
		b->passed = through;
	return false;
}
