/* SPDX-License-Identifier: BSD-2-Clause
 *
 * campaign.c - each call that a start makes fails: once, and from there on for ever.
 *
 * A first start, in which nothing fails, counts the calls of every site. Then each of them is a start of
 * its own. It must end in one of three ways:
 *
 *     booted     the kernel came back and found nothing wrong with what it was entered with
 *     refused    the loader returned EFI_LOAD_ERROR after a message with a cause and an advice
 *     left       the loader returned EFI_SUCCESS, where the line lets the user leave
 *
 * and with nothing lost, no rule broken, and in a finite number of calls. Sites that are called very often
 * (writing to the screen) may be sampled beyond their first calls.
 */
#include "hostile.h"

static struct tally {
    UINTN sites, starts, booted, refused, left, bad;
} total;

static BOOLEAN refused_with_words(void)
{
    BOOLEAN told =
        console_said("Meridian cannot boot") && console_said("why") && console_said("next");

    return run.status == EFI_LOAD_ERROR && told;
}

/* What is wrong with the start that has ended, or NULL. */
static const char *judge(struct tally *tally)
{
    if (run.hung)
        return "hangs";
    if (rules_violations() > 0)
        return "breaks a rule";
    if (ledger_count(HELD_POOL) + ledger_count(HELD_FILE) + ledger_count(HELD_EVENT) > 0)
        return "leaks";
    if (run.came_back) {
        tally->booted++;
        return run.result == 0 ? NULL : "boots, and the kernel finds a mistake";
    }
    if (ledger_count(HELD_PAGES) > 0)
        return "leaks pages";
    if (run.status == EFI_SUCCESS) {
        tally->left++;
        return NULL;
    }
    tally->refused++;
    return refused_with_words() ? NULL : "returns without a message";
}

static void start_once(const struct hostility *asked, UINTN site, UINTN call, BOOLEAN stays,
                       struct tally *tally)
{
    const char *wrong;

    hostility = *asked;
    hostility.fault_site = site;
    hostility.fault_call = call;
    hostility.fault_stays = stays;
    run_loader();
    tally->starts++;
    wrong = judge(tally);
    if (wrong != NULL) {
        tally->bad++;
        say("HOSTILE: violation: %s when call %u of %s fails%s\r\n", wrong, call,
            site < SITE_COUNT ? sites[site].name : "nothing", stays ? " for ever" : "");
        run_report();
    }
    ledger_give_back();
}

/* All of the first `sample` calls, then ever fewer. */
static UINTN next_call(UINTN call, UINTN sample)
{
    return sample == 0 || call < sample ? call + 1 : call + call / 2;
}

static void fail_site(const struct hostility *asked, UINTN site, UINTN calls)
{
    struct tally tally = { .sites = calls };

    for (UINTN call = 1; call <= calls; call = next_call(call, asked->sample)) {
        start_once(asked, site, call, FALSE, &tally);
        start_once(asked, site, call, TRUE, &tally);
    }
    say("HOSTILE: %s: %u calls, %u starts, %u booted, %u refused, %u left, %u bad\r\n",
        sites[site].name, calls, tally.starts, tally.booted, tally.refused, tally.left, tally.bad);
    total.sites += tally.sites;
    total.starts += tally.starts;
    total.booted += tally.booted;
    total.refused += tally.refused;
    total.left += tally.left;
    total.bad += tally.bad;
}

void campaign_each_call(void)
{
    const struct hostility asked = hostility;
    UINTN calls[SITE_COUNT];
    UINT64 before;
    UINT64 after;

    total = (struct tally){ 0 };
    start_once(&asked, SITE_COUNT, 0, FALSE, &total);
    for (UINTN site = 0; site < SITE_COUNT; site++)
        calls[site] = sites[site].calls;
    before = map_free_pages();
    for (UINTN site = 0; site < SITE_COUNT; site++) {
        if (calls[site] > 0)
            fail_site(&asked, site, calls[site]);
    }
    after = map_free_pages();
    say("HOSTILE: campaign: %u sites, %u starts, %u booted, %u refused, %u left, %u bad, "
        "%u pages lost\r\n",
        total.sites, total.starts, total.booted, total.refused, total.left, total.bad,
        before > after ? before - after : 0);
}
